// Comes back soon when the network of a laptop changes and its connections cannot follow by themselves (see
// `roaming`), as from office to phone in Firefox, or when a NAT or a firewall drops them.
//
// Left alone, the browser takes about twelve seconds to call such a line failed. The server answers whatever is
// sent, so that a second without anything says the same; the browser's own notice of a new network says it sooner.
import type { Room } from "livekit-client";
import { LOOK_MS, Silence } from "./silence";

export class LineWatch {
  readonly #room: Room;
  readonly #silence = new Silence();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(room: Room) {
    this.#room = room;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { trackPublications } = this.#room.localParticipant;
    const sent = [...trackPublications.values()].find(
      ({ isMuted, track }) => !isMuted && track !== undefined,
    );
    const report = await sent?.track?.getRTCStatsReport();
    let bytes = 0;
    for (const stats of report?.values() ?? []) if (stats.type === "transport") bytes += stats.bytesReceived;
    // The library's only public way to resume: a new WebSocket, and with it fresh candidates of ICE.
    if (this.#silence.isDeadAfter(bytes, bytes > 0)) await this.#room.simulateScenario("signal-reconnect");
  }
}
