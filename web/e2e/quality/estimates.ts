// What the server believes the narrowest line carries, looked up every second.
import type { Host } from "./host";
import type { Point, Series } from "./outcome";

const INTERVAL_MS = 1_000;

export class Estimates {
  readonly #points: Point[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(host: Host) {
    this.#timer = setInterval(() => void this.#look(host), INTERVAL_MS);
  }

  /** The one in the middle of a span, in bits per second; zero if there was none. */
  median(from: number, to: number): number {
    const within = this.#points.filter(({ at }) => at > from && at <= to);
    const values = within.map(({ value }) => value).toSorted((one, other) => one - other);
    return values[Math.floor(values.length / 2)] ?? 0;
  }

  series(): Series {
    return { name: "server's estimate", unit: "bit/s", points: this.#points };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(host: Host): Promise<void> {
    // A server that is just ending tells nothing.
    const value = await host.metric("lowest_estimate_bits").catch(() => 0);
    this.#points.push({ at: performance.now(), value });
  }
}
