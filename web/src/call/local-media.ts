// The person's own microphone and camera: off until turned on, and why they do not work. Knows no room.
import {
  createAudioAnalyser,
  createLocalAudioTrack,
  createLocalVideoTrack,
  type LocalAudioTrack,
  type LocalTrack,
  type LocalVideoTrack,
  TrackEvent,
  VideoPresets,
} from "livekit-client";
import { blockedCause, cannotAsk } from "./blocked";
import type { ChoiceKind, Device, DeviceChoice, DeviceKind, Devices } from "./state";

export interface LocalMediaEvents {
  readonly deviceChanged: (kind: DeviceKind, device: Device) => void;
  readonly choicesFound: (choices: Devices["choices"]) => void;
}

const BROWSER_KINDS: Readonly<Record<ChoiceKind, MediaDeviceKind>> = {
  microphone: "audioinput",
  camera: "videoinput",
  speaker: "audiooutput",
};

export class LocalMedia {
  readonly #events: LocalMediaEvents;
  readonly #tracks: { microphone?: LocalAudioTrack; camera?: LocalVideoTrack } = {};
  /** Counts every wish, so that an answer to an older wish (a slow permission prompt) is dropped. */
  readonly #wishes = { microphone: 0, camera: 0 };

  constructor(events: LocalMediaEvents) {
    this.#events = events;
  }

  track(kind: DeviceKind): LocalTrack | undefined {
    // The library's own classes differ from their base in what may be undefined, in types only.
    return this.#tracks[kind] as LocalTrack | undefined;
  }

  /** Asks the browser for the device, which may ask the person. Gives a track that is new, if there is one. */
  async turnOn(kind: DeviceKind, deviceId: string | undefined): Promise<LocalTrack | undefined> {
    if (this.#tracks[kind] !== undefined) return this.#unmute(kind);
    const wish = ++this.#wishes[kind];
    const cause = cannotAsk();
    if (cause !== null) {
      this.#events.deviceChanged(kind, { state: "blocked", cause });
      return undefined;
    }
    this.#events.deviceChanged(kind, { state: "starting" });
    try {
      const track = await createTrack(kind, deviceId);
      if (wish !== this.#wishes[kind]) {
        track.stop();
        return undefined;
      }
      this.#keep(kind, track);
      await this.listChoices();
      return this.track(kind);
    } catch (error) {
      if (wish === this.#wishes[kind]) this.fail(kind, error);
      return undefined;
    }
  }

  /** Silences a published track, which is quicker for everyone than taking it back. The camera's light goes out. */
  async mute(kind: DeviceKind): Promise<void> {
    await this.#tracks[kind]?.mute();
    this.#events.deviceChanged(kind, { state: "off" });
  }

  turnOff(kind: DeviceKind): void {
    this.#wishes[kind] += 1;
    this.#tracks[kind]?.stop();
    delete this.#tracks[kind];
    this.#events.deviceChanged(kind, { state: "off" });
  }

  async choose(kind: DeviceKind, deviceId: string): Promise<void> {
    try {
      await this.#tracks[kind]?.setDeviceId({ exact: deviceId });
    } catch (error) {
      this.turnOff(kind);
      this.fail(kind, error);
    }
  }

  fail(kind: DeviceKind, error: unknown): void {
    this.#events.deviceChanged(kind, { state: "blocked", cause: blockedCause(error) });
  }

  /** Browsers keep ids and names back until a device was allowed: then the lists are empty. */
  async listChoices(): Promise<void> {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const of = (kind: ChoiceKind): DeviceChoice[] =>
      devices
        .filter((device) => device.kind === BROWSER_KINDS[kind] && device.deviceId !== "")
        .map((device) => ({ id: device.deviceId, label: device.label }));
    this.#events.choicesFound({ microphone: of("microphone"), camera: of("camera"), speaker: of("speaker") });
  }

  /** Reads the microphone's loudness, 0 to 1, until the returned function is called. */
  watchLevel(show: (level: number) => void): () => void {
    const track = this.#tracks.microphone;
    if (track === undefined) return () => {};
    const analyser = createAudioAnalyser(track, { fftSize: 1024, smoothingTimeConstant: 0.6 });
    const timer = setInterval(() => show(Math.min(1, analyser.calculateVolume())), LEVEL_INTERVAL_MS);
    return () => {
      clearInterval(timer);
      void analyser.cleanup();
    };
  }

  async #unmute(kind: DeviceKind): Promise<undefined> {
    this.#events.deviceChanged(kind, { state: "starting" });
    try {
      await this.#tracks[kind]?.unmute();
      this.#events.deviceChanged(kind, { state: "on" });
    } catch (error) {
      this.fail(kind, error);
    }
  }

  #keep(kind: DeviceKind, track: LocalAudioTrack | LocalVideoTrack): void {
    Object.assign(this.#tracks, { [kind]: track });
    track.on(TrackEvent.Ended, () => {
      // A published track is the room's to mend: it looks for another device first.
      if (this.#tracks[kind] !== track || track.sender !== undefined) return;
      this.turnOff(kind);
      this.#events.deviceChanged(kind, { state: "blocked", cause: "unplugged" });
    });
    this.#events.deviceChanged(kind, { state: "on" });
  }
}

/** Ten pictures a second look alive and cost nothing. */
const LEVEL_INTERVAL_MS = 100;

function createTrack(
  kind: DeviceKind,
  deviceId: string | undefined,
): Promise<LocalAudioTrack | LocalVideoTrack> {
  const device = deviceId === undefined ? {} : { deviceId: { exact: deviceId } };
  return kind === "microphone"
    ? createLocalAudioTrack({
        ...device,
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
      })
    : createLocalVideoTrack({ ...device, resolution: VideoPresets.h720.resolution });
}
