// Acts for the person: joins, publishes, chats, leaves. Turns what the LiveKit room says into actions of the state.
import {
  Room,
  RoomEvent,
  type ScreenShareCaptureOptions,
  Track,
  type TrackPublication,
  type TrackPublishOptions,
  VideoPreset,
} from "livekit-client";
import { admission, type Entry } from "./admission";
import { MESSAGE_LENGTH_MAX, receiveChat, sendChat } from "./chat";
import { Encryption, isOfOtherKey } from "./encryption";
import { endReason, refusal } from "./end-reason";
import { offerFrameRates } from "./frame-rates";
import { LineWatch } from "./line-watch";
import { LocalMedia } from "./local-media";
import { isWhole, type MeetingKey } from "./meeting-key";
import { NEIGHBOURS_ATTRIBUTE } from "./neighbours";
import { participantsOf, videoTrackOf } from "./people";
import { reduce } from "./reducer";
import { followRoutes } from "./roaming";
import type { RoomName } from "./room-name";
import { isSigning, SIGNING_CAMERA, signingAttributes } from "./signs";
import { Sound } from "./sound";
import {
  type CallAction,
  type CallState,
  type ChoiceKind,
  type Device,
  type DeviceKind,
  type EndReason,
  INITIAL_STATE,
  type Participant,
  type VideoSource,
} from "./state";
import { Store } from "./store";

export class Call {
  readonly store = new Store<CallState, CallAction>(INITIAL_STATE, reduce);
  readonly room: RoomName;
  /** Null where the meeting is not encrypted end to end. */
  readonly key: MeetingKey | null;
  readonly #entry: Entry;
  readonly #media = new LocalMedia({
    deviceChanged: (kind, device) => this.store.dispatch({ type: "device-changed", kind, device }),
    choicesFound: (choices) => this.store.dispatch({ type: "choices-found", choices }),
  });
  #live: Room | null = null;
  #sound: Sound | null = null;
  #lineWatch: LineWatch | null = null;
  #encryption: Encryption | null = null;
  readonly #unreadable = new Set<string>();
  #name = "";
  #neighbours = "";

  constructor(room: RoomName, entry: Entry, key: MeetingKey | null = null) {
    this.room = room;
    this.key = key;
    this.#entry = entry;
  }

  /** Watches the devices; gives the function that ends the watching and the call. */
  open(): () => void {
    const devicesChanged = () => void this.#media.listChoices();
    devicesChanged();
    navigator.mediaDevices?.addEventListener?.("devicechange", devicesChanged);
    return () => {
      navigator.mediaDevices?.removeEventListener?.("devicechange", devicesChanged);
      this.leave();
    };
  }

  /** `neighbours` names the people in the same room; empty for nobody. */
  async join(name: string, neighbours = ""): Promise<void> {
    if (this.#live !== null) return;
    this.#name = name;
    this.#neighbours = neighbours.trim();
    const obstacle = this.#obstacle();
    if (obstacle !== null) return this.store.dispatch({ type: "ended", reason: obstacle });
    this.#encryption = this.key === null ? null : new Encryption();
    this.#unreadable.clear();
    followRoutes();
    const live = new Room({ adaptiveStream: true, dynacast: true, ...this.#encryption?.options() });
    this.#live = live;
    this.#sound = new Sound(live);
    this.#listen(live);
    this.store.dispatch({ type: "join-started" });
    const admitted = await admission(this.#entry, this.room, name);
    if (this.#live !== live) return; // Cancelled while waiting.
    if (admitted.kind === "none") return this.#end(live, admitted.reason);
    try {
      if (this.key !== null) await this.#encryption?.begin(live, this.key);
      await live.connect(location.origin.replace(/^http/, "ws"), admitted.token);
    } catch (error) {
      return this.#end(live, refusal(error));
    }
    if (this.#live !== live) return void live.disconnect();
    this.store.dispatch({ type: "joined", participants: this.#people(live) });
    this.#lineWatch = new LineWatch(live);
    // Before the microphone is heard, or two laptops in one room would howl.
    if (this.#neighbours !== "") await this.sitAmong(this.#neighbours);
    await this.#publishWhatIsOn(live);
  }

  rejoin(): Promise<void> {
    return this.join(this.#name, this.#neighbours);
  }

  cancel(): void {
    const live = this.#forget();
    void live?.disconnect(false);
    this.store.dispatch({ type: "join-cancelled" });
  }

  leave(): void {
    if (this.#live === null) this.#turnAllOff();
    else this.#end(this.#live, "left");
  }

  async turn(kind: DeviceKind, isOn: boolean): Promise<void> {
    const isInMeeting = () => this.store.read().phase === "meeting";
    if (!isOn) return isInMeeting() ? this.#media.mute(kind) : this.#media.turnOff(kind);
    const track = await this.#media.turnOn(kind, this.store.read().devices.chosen[kind]);
    if (track !== undefined && isInMeeting()) await this.#publish(kind);
  }

  async choose(kind: ChoiceKind, id: string): Promise<void> {
    this.store.dispatch({ type: "device-chosen", kind, id });
    if (kind === "speaker")
      return void (await this.#live?.switchActiveDevice("audiooutput", id).catch(() => false));
    await this.#media.choose(kind, id);
  }

  /** Must be called from a click: browsers show their picker to nobody else. */
  async share(isOn: boolean): Promise<void> {
    this.store.dispatch({ type: "trouble-changed", trouble: null });
    try {
      await this.#live?.localParticipant.setScreenShareEnabled(isOn, SCREEN_CAPTURE, SCREEN_ENCODINGS);
    } catch (error) {
      // Who closes the picker has changed their mind; that is no failure.
      const isCancelled = error instanceof Error && error.name === "NotAllowedError";
      if (!isCancelled) this.store.dispatch({ type: "trouble-changed", trouble: "share-failed" });
    }
  }

  async say(text: string): Promise<boolean> {
    const trimmed = text.trim().slice(0, MESSAGE_LENGTH_MAX);
    if (trimmed === "" || this.#live === null) return false;
    try {
      this.store.dispatch({ type: "message-arrived", message: await sendChat(this.#live, trimmed) });
      return true;
    } catch {
      this.store.dispatch({ type: "trouble-changed", trouble: "chat-failed" });
      return false;
    }
  }

  /** Says whether the person signs, and sends their camera accordingly. Without the right to say so nothing changes. */
  async sign(isOn: boolean): Promise<void> {
    const self = this.#live?.localParticipant;
    const camera = self?.getTrackPublication(Track.Source.Camera)?.track;
    const isSaid = await self?.setAttributes(signingAttributes(isOn)).then(
      () => true,
      () => false,
    );
    if (self === undefined || camera === undefined || isSaid !== true) return;
    await self.unpublishTrack(camera, false);
    await this.#publish("camera");
  }

  /** Says with whom the person sits in one room: those send each other no sound. Empty for nobody. */
  async sitAmong(neighbours: string): Promise<void> {
    const trimmed = neighbours.trim();
    this.store.dispatch({ type: "trouble-changed", trouble: null });
    try {
      await this.#live?.localParticipant.setAttributes({ [NEIGHBOURS_ATTRIBUTE]: trimmed });
      this.#neighbours = trimmed;
    } catch {
      this.store.dispatch({ type: "trouble-changed", trouble: "neighbours-failed" });
    }
  }

  toggleChat(isOpen: boolean): void {
    this.store.dispatch({ type: "chat-toggled", isOpen });
  }

  /** Must be called from a click, which is what browsers wait for. */
  allowSound(): void {
    void this.#live?.startAudio();
  }

  /** Shows the person's own camera before the call; gives the function that stops showing it. */
  attachPreview(element: HTMLVideoElement): () => void {
    return attach(this.#media.track("camera"), element);
  }

  attachVideo(identity: string, source: VideoSource, element: HTMLVideoElement): () => void {
    return attach(this.#live === null ? undefined : videoTrackOf(this.#live, identity, source), element);
  }

  watchLevel(show: (level: number) => void): () => void {
    return this.#media.watchLevel(show);
  }

  /** Why an encrypted meeting cannot be joined; it is never joined without encryption in its place. */
  #obstacle(): EndReason | null {
    if (this.key === null) return null;
    if (!isWhole(this.key)) return "keyDamaged";
    return Encryption.isSupported() ? null : "encryptionUnsupported";
  }

  #people(live: Room): readonly Participant[] {
    return participantsOf(live, { hasKey: this.key !== null, unreadable: this.#unreadable });
  }

  async #publishWhatIsOn(live: Room): Promise<void> {
    const { speaker } = this.store.read().devices.chosen;
    if (speaker !== undefined) await live.switchActiveDevice("audiooutput", speaker).catch(() => false);
    await Promise.all((["microphone", "camera"] as const).map((kind) => this.#publish(kind)));
  }

  async #publish(kind: DeviceKind): Promise<void> {
    const track = this.#media.track(kind);
    if (track === undefined || this.#live === null) return;
    const source = kind === "microphone" ? Track.Source.Microphone : Track.Source.Camera;
    const self = this.#live.localParticipant;
    const options = kind === "camera" && isSigning(self) ? SIGNING_CAMERA : {};
    try {
      await self.publishTrack(track, { source, ...options });
    } catch (error) {
      this.#media.turnOff(kind);
      this.#media.fail(kind, error);
    }
  }

  #listen(live: Room): void {
    const refresh = () => {
      if (this.#live === live) {
        this.store.dispatch({ type: "participants-changed", participants: this.#people(live) });
      }
    };
    for (const event of PEOPLE_EVENTS) live.on(event, refresh);
    live
      .on(RoomEvent.Reconnecting, () => this.store.dispatch({ type: "link-changed", link: "reconnecting" }))
      .on(RoomEvent.SignalReconnecting, () =>
        this.store.dispatch({ type: "link-changed", link: "reconnecting" }),
      )
      .on(RoomEvent.Reconnected, () => this.store.dispatch({ type: "link-changed", link: "up" }))
      .on(RoomEvent.TrackMuted, (publication, who) =>
        this.#followLocal(who.isLocal, publication, { state: "off" }),
      )
      .on(RoomEvent.TrackUnmuted, (publication, who) =>
        this.#followLocal(who.isLocal, publication, { state: "on" }),
      )
      .on(RoomEvent.EncryptionError, (error, who) => {
        if (who === undefined || !isOfOtherKey(error)) return;
        this.#unreadable.add(who.identity);
        refresh();
      })
      .on(RoomEvent.LocalTrackPublished, ({ track }) => void offerFrameRates(track))
      .on(RoomEvent.TrackSubscribed, (_, publication) => {
        // Without the key it would be played as noise.
        if (this.key === null && publication.isEncrypted) publication.setSubscribed(false);
      })
      .on(RoomEvent.ParticipantDisconnected, (who) => this.#unreadable.delete(who.identity))
      .on(RoomEvent.AudioPlaybackStatusChanged, () =>
        this.store.dispatch({ type: "sound-changed", isBlocked: !live.canPlaybackAudio }),
      )
      .on(RoomEvent.Disconnected, (reason) => {
        // A failed first attempt is told by `connect` itself, with its cause.
        if (this.store.read().phase === "meeting") this.#end(live, endReason(reason));
      });
    receiveChat(live, (message) => this.store.dispatch({ type: "message-arrived", message }));
  }

  /** The room may mute a microphone itself: on a host's wish, or when the device is gone. */
  #followLocal(isLocal: boolean, publication: TrackPublication, device: Device): void {
    const kind = isLocal ? kindOf(publication.source) : null;
    if (kind !== null) this.store.dispatch({ type: "device-changed", kind, device });
  }

  #end(live: Room, reason: EndReason): void {
    if (this.#live !== live) return;
    this.#forget();
    void live.disconnect();
    this.#turnAllOff();
    this.store.dispatch({ type: "ended", reason });
  }

  #forget(): Room | null {
    const live = this.#live;
    this.#live = null;
    this.#sound?.close();
    this.#sound = null;
    this.#lineWatch?.close();
    this.#lineWatch = null;
    this.#encryption?.close();
    this.#encryption = null;
    return live;
  }

  #turnAllOff(): void {
    this.#media.turnOff("microphone");
    this.#media.turnOff("camera");
  }
}

const SCREEN_CAPTURE: ScreenShareCaptureOptions = {
  audio: true,
  contentHint: "detail",
  selfBrowserSurface: "include",
  surfaceSwitching: "include",
};

/**
 * Text must be legible soon: the screen goes before the camera, and its small copy takes so little that the
 * full size starts with it. 1.5 Mbit/s is what text at 1080p needs; phones and thumbnails take the small copy.
 */
const SCREEN_ENCODINGS: TrackPublishOptions = {
  screenShareEncoding: { maxBitrate: 1_500_000, maxFramerate: 15, priority: "high" },
  screenShareSimulcastLayers: [new VideoPreset(960, 540, 200_000, 5, "high")],
};

/** Everything after which a tile may look different. */
const PEOPLE_EVENTS = [
  RoomEvent.ParticipantConnected,
  RoomEvent.ParticipantDisconnected,
  RoomEvent.ParticipantNameChanged,
  RoomEvent.ParticipantAttributesChanged,
  RoomEvent.ParticipantPermissionsChanged,
  RoomEvent.TrackPublished,
  RoomEvent.TrackUnpublished,
  RoomEvent.TrackSubscribed,
  RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
  RoomEvent.TrackStreamStateChanged,
  RoomEvent.LocalTrackPublished,
  RoomEvent.LocalTrackUnpublished,
  RoomEvent.ActiveSpeakersChanged,
  RoomEvent.ParticipantEncryptionStatusChanged,
  RoomEvent.Reconnected,
] as const;

function attach(track: Track | undefined, element: HTMLVideoElement): () => void {
  if (track === undefined) return () => {};
  track.attach(element);
  return () => void track.detach(element);
}

function kindOf(source: Track.Source): DeviceKind | null {
  if (source === Track.Source.Microphone) return "microphone";
  return source === Track.Source.Camera ? "camera" : null;
}
