// The line between one client and the server: its conditions, and what went over it second by second.
import { binary } from "../harness/binaries";
import { Program } from "../harness/program";
import type { Point, Series } from "./outcome";

const START_DEADLINE_MS = 10_000;
const REPORT_MS = 500;

export interface Tally {
  readonly datagrams: number;
  readonly bytes: number;
  readonly lost: number;
  readonly overflowed: number;
  readonly backlog_ms: number;
}

interface Report {
  readonly at: number;
  readonly up: Tally;
  readonly down: Tally;
}

export class Line {
  readonly #program: Program;
  readonly #reports: Report[] = [];

  private constructor(program: Program) {
    this.#program = program;
    program.onLine((line) => {
      if (line.startsWith("{")) this.#reports.push({ ...JSON.parse(line), at: performance.now() });
    });
  }

  /** `conditions` are changes as `loadtest relay --at` knows them, from the start on. */
  static async open(listen: string, to: string, conditions: readonly string[], seed: number): Promise<Line> {
    const program = new Program(binary("loadtest"), [
      ...["relay", "--live", "--listen", listen, "--to", to],
      ...["--report", `${REPORT_MS}ms`, "--seed", `${seed}`],
      ...conditions.flatMap((change) => ["--at", `0s ${change}`]),
    ]);
    const line = new Line(program);
    await program.waitUntil("relays", START_DEADLINE_MS, async () =>
      program.output.some((text) => text.startsWith("relaying")),
    );
    return line;
  }

  /** Such as "down rate=800kbit". */
  set(change: string): void {
    this.#program.write(change);
  }

  /** What a direction carried from one moment to another. */
  between(direction: "up" | "down", from: number, to: number): { lost: number; all: number; bytes: number } {
    const tallies = this.#reports
      .filter(({ at }) => at > from && at <= to)
      .map((report) => report[direction]);
    const lost = sum(tallies, (tally) => tally.lost + tally.overflowed);
    const carried = sum(tallies, (tally) => tally.datagrams);
    return { lost, all: lost + carried, bytes: sum(tallies, (tally) => tally.bytes) };
  }

  /** The longest wait for the line, for each report, in milliseconds. */
  backlog(direction: "up" | "down"): readonly Point[] {
    return this.#points((report) => report[direction].backlog_ms);
  }

  series(name: string): readonly Series[] {
    const bits = (tally: Tally) => (8 * 1000 * tally.bytes) / REPORT_MS;
    const loss = ({ lost, overflowed, datagrams }: Tally) =>
      (100 * (lost + overflowed)) / Math.max(1, lost + overflowed + datagrams);
    return [
      { name: `${name}: line up`, unit: "bit/s", points: this.#points(({ up }) => bits(up)) },
      { name: `${name}: line down`, unit: "bit/s", points: this.#points(({ down }) => bits(down)) },
      { name: `${name}: lost up`, unit: "%", points: this.#points(({ up }) => loss(up)) },
      { name: `${name}: lost down`, unit: "%", points: this.#points(({ down }) => loss(down)) },
      { name: `${name}: queue down`, unit: "ms", points: this.backlog("down") },
    ];
  }

  close(): Promise<void> {
    return this.#program.stop();
  }

  #points(value: (report: Report) => number): readonly Point[] {
    return this.#reports.map((report) => ({ at: report.at, value: value(report) }));
  }
}

function sum(tallies: readonly Tally[], value: (tally: Tally) => number): number {
  return tallies.reduce((total, tally) => total + value(tally), 0);
}
