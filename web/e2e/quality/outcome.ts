// What a row of the table is made of: figures with their targets, and how things went over time.

export interface Point {
  /** In milliseconds, of the clock of this process. */
  readonly at: number;
  readonly value: number;
}

/** Each unit is a plot of its own. */
export type Unit = "bit/s" | "%" | "px" | "ms" | "1/s";

export interface Series {
  readonly name: string;
  readonly unit: Unit;
  readonly points: readonly Point[];
}

export interface Mark {
  readonly at: number;
  readonly label: string;
}

export interface Figure {
  /** Which part of the scenario, and who took part. */
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly isMet: boolean;
}

/** One play of a scenario: a server, some people, and how it went. */
export interface Outcome {
  /** What tells it from the scenario's other plays; empty if there is only one. */
  readonly play: string;
  readonly figures: readonly Figure[];
  readonly series: readonly Series[];
  readonly marks: readonly Mark[];
}

export type Verdict = "met" | "missed" | "not measured";

/** One line of the table. */
export interface Entry {
  readonly row: number;
  readonly scenario: string;
  readonly means: "real clients" | "virtual clock";
  readonly target: string;
  readonly measured: string;
  readonly verdict: Verdict;
}

export interface Plot {
  readonly row: number;
  readonly title: string;
  readonly series: readonly Series[];
  readonly marks: readonly Mark[];
}

/** Below a limit, in a unit that is written behind both. */
export function below(what: string, measured: number, limit: number, unit: string, digits = 2): Figure {
  return {
    what,
    target: `< ${shortest(limit)}${unit}`,
    measured: Number.isFinite(measured) ? `${measured.toFixed(digits)}${unit}` : "never",
    isMet: measured < limit,
  };
}

/** Above a limit, in a unit that is written behind both. */
export function above(what: string, measured: number, limit: number, unit: string, digits = 2): Figure {
  return {
    what,
    target: `> ${shortest(limit)}${unit}`,
    measured: `${measured.toFixed(digits)}${unit}`,
    isMet: measured > limit,
  };
}

/** Something that is so or not. */
export function holds(what: string, target: string, measured: string, isMet: boolean): Figure {
  return { what, target, measured, isMet };
}

/** Limits are round, or shares of something measured. */
function shortest(limit: number): string {
  return `${Number(limit.toFixed(2))}`;
}
