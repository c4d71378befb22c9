// Plays the others' sound: one audio element for each of their tracks, apart from the tiles, which come and go.
import { type RemoteTrack, type Room, RoomEvent, Track } from "livekit-client";

export class Sound {
  readonly #place = document.createElement("div");

  constructor(room: Room) {
    this.#place.hidden = true;
    document.body.append(this.#place);
    room.on(RoomEvent.TrackSubscribed, (track) => this.#play(track));
    room.on(RoomEvent.TrackUnsubscribed, (track) => {
      if (track.kind === Track.Kind.Audio) for (const element of track.detach()) element.remove();
    });
  }

  close(): void {
    this.#place.remove();
  }

  #play(track: RemoteTrack): void {
    if (track.kind === Track.Kind.Audio) this.#place.append(track.attach());
  }
}
