// What happened to streams between two looks at a page.
import type { ReceivedStream, SentStream, Snapshot } from "./snapshot";

export interface Span {
  readonly seconds: number;
  readonly bytes: number;
  readonly packets: number;
  /** Missing packets, before any repair on the way to this page. */
  readonly lost: number;
  readonly repaired: number;
  readonly frames: number;
  readonly dropped: number;
  readonly frozenSeconds: number;
  readonly concealedSamples: number;
  readonly samples: number;
}

/** One received picture, by the name on its tile. */
export function videoSpan(before: Snapshot, after: Snapshot, tile: string): Span {
  return span(before, after, ({ kind, tile: name }) => kind === "video" && name.endsWith(tile));
}

/** All received sound. */
export function audioSpan(before: Snapshot, after: Snapshot): Span {
  return span(before, after, ({ kind }) => kind === "audio");
}

/** The share of packets that were not there in the end, in percent. */
export function residualLoss({ packets, lost, repaired }: Span): number {
  return (100 * Math.max(0, lost - repaired)) / Math.max(1, packets + lost);
}

/** The share of time in which a picture stood still, in percent. */
export function frozenShare({ frozenSeconds, seconds }: Span): number {
  return (100 * frozenSeconds) / seconds;
}

/** Packets that a page sent again, for each encoding that had any. */
export function retransmitted(before: Snapshot, after: Snapshot): ReadonlyMap<string, number> {
  const key = (stream: SentStream) => stream.rid || stream.kind;
  const found = new Map<string, number>();
  for (const stream of after.sent) {
    const earlier = before.sent.find((one) => key(one) === key(stream))?.retransmitted ?? 0;
    if (stream.kind === "video") found.set(key(stream), stream.retransmitted - earlier);
  }
  return found;
}

function span(before: Snapshot, after: Snapshot, wanted: (stream: ReceivedStream) => boolean): Span {
  const grown = (value: (stream: ReceivedStream) => number) => total(after, value) - total(before, value);
  const total = (seen: Snapshot, value: (stream: ReceivedStream) => number) =>
    seen.received.filter(wanted).reduce((sum, stream) => sum + value(stream), 0);
  return {
    seconds: (after.at - before.at) / 1000,
    bytes: grown((stream) => stream.bytes),
    packets: grown((stream) => stream.packets),
    lost: grown((stream) => stream.lost),
    repaired: grown((stream) => stream.repaired),
    frames: grown((stream) => stream.frames),
    dropped: grown((stream) => stream.dropped),
    frozenSeconds: grown((stream) => stream.frozenSeconds),
    concealedSamples: grown((stream) => stream.concealedSamples),
    samples: grown((stream) => stream.samples),
  };
}
