// Looks at one page's statistics twice a second, and makes plots of what it saw.
import type { Page } from "../harness/browser";
import type { Point, Series } from "./outcome";
import { type Snapshot, snapshot } from "./snapshot";

const INTERVAL_MS = 500;

export class Recorder {
  readonly #name: string;
  readonly #page: Page;
  readonly #seen: Snapshot[] = [];
  readonly #timer: NodeJS.Timeout;
  #isBusy = false;

  constructor(name: string, page: Page) {
    this.#name = name;
    this.#page = page;
    this.#timer = setInterval(() => void this.#look(), INTERVAL_MS);
  }

  /** A further look, for figures of a certain span. */
  async take(): Promise<Snapshot> {
    const taken = await snapshot(this.#page);
    this.#seen.push(taken);
    return taken;
  }

  get seen(): readonly Snapshot[] {
    return this.#seen;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  series(): readonly Series[] {
    const named = (what: string) => `${this.#name}: ${what}`;
    const streams = [...new Set(this.#seen.flatMap(({ received }) => received.map(({ track }) => track)))];
    // Who sends nothing keeps the estimate that it began with.
    const sending = this.#seen.filter(({ sent }) => sent.some(({ kind }) => kind === "video"));
    const estimates = sending.map(({ at, estimate }) => ({ at, value: estimate ?? 0 }));
    const sent = this.#rate(({ sent }) => sum(sent.map(({ bytes }) => 8 * bytes)));
    return [
      { name: named("own estimate"), unit: "bit/s", points: estimates },
      { name: named("sends"), unit: "bit/s", points: sent },
      ...streams.flatMap((track) => this.#received(track)),
    ];
  }

  #received(track: string): readonly Series[] {
    const of = ({ received }: Snapshot) => received.find((one) => one.track === track);
    const last = this.#seen.map(of).findLast((one) => one !== undefined);
    if (last?.kind !== "video") return [];
    const name = `${this.#name} sees ${last.tile}`;
    const heights = this.#seen.map((one) => ({ at: one.at, value: of(one)?.height ?? 0 }));
    return [
      { name, unit: "bit/s", points: this.#rate((one) => 8 * (of(one)?.bytes ?? 0)) },
      { name, unit: "px", points: heights },
      { name, unit: "1/s", points: this.#rate((one) => of(one)?.frames ?? 0) },
    ];
  }

  /** How fast a counter grew between one look and the next that is not just after it. */
  #rate(value: (seen: Snapshot) => number): readonly Point[] {
    const points: Point[] = [];
    let before = this.#seen[0];
    for (const one of this.#seen) {
      if (before === undefined || one.at - before.at < INTERVAL_MS / 2) continue;
      const seconds = (one.at - before.at) / 1000;
      points.push({ at: one.at, value: Math.max(0, value(one) - value(before)) / seconds });
      before = one;
    }
    return points;
  }

  async #look(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    // A page that is just loading or closing has nothing to tell.
    await this.take().catch(() => {});
    this.#isBusy = false;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
