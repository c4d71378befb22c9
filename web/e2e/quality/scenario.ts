// What each file in rows/ offers.
import type { Outcome } from "./outcome";

export interface Scenario {
  /** Of the table of promises. */
  readonly row: number;
  readonly title: string;
  /** The plays that it is made of, one after the other. Each tells how far it got. */
  readonly plays: readonly ((tell: (what: string) => void) => Promise<Outcome>)[];
}
