// What each file in rows/ offers.
import type { Outcome } from "./outcome";

export interface Scenario {
  /** Of the table of promises. */
  readonly row: number;
  readonly title: string;
  /** Plays it once, and tells how far it got. */
  run(tell: (what: string) => void): Promise<Outcome>;
}
