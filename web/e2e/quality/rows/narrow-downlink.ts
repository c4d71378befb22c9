// A viewer's downlink falls from 2.0 to 0.8 Mbit/s and rises again: less picture at once, and all of it back.
import { below, type Figure, holds, type Point } from "../outcome";
import type { Scenario } from "../scenario";
import { audioSpan, residualLoss, videoSpan } from "../spans";
import { type Participant, Stage } from "../stage";

const WIDE_SECONDS = 20;
const NARROW_SECONDS = 25;
const CAMERA = { width: 1280, height: 720, grainy: true } as const;
/**
 * Bits per second of its largest encoding. The SDK allows 1.7 Mbit/s, which a grainy picture takes wholly; with sound and
 * headers that is 1.9, too near the wide line's end: it came and went by itself.
 */
const TOP_BITRATE = 1_300_000;
/** Megabits per second. */
const NARROW = 0.8;
const ON_ITS_WAY_MS = 2000;
const CLOSE_INTERVAL_MS = 100;
const CLOSE_LOOKS = 30;
/** A queue of less than this is no delay that anyone hears, in milliseconds. */
const DRAINED_MS = 50;

export const narrowDownlink: Scenario = {
  row: 4,
  title: "downlink 2.0, 0.8, 2.0 Mbit/s",
  plays: [
    (tell) =>
      Stage.play({ SAAL_MEDIA_CONGESTION_CONTROL: "true" }, tell, async (stage) => {
        const sender = await stage.join("Sender", { camera: CAMERA });
        await sender.person.turnOn("microphone");
        await sender.person.turnOn("camera");
        await sender.person.page.evaluate(limitTop, TOP_BITRATE);
        const viewer = await stage.join("Viewer", { line: ["both delay=25ms", "down rate=2mbit"] });
        await viewer.person.page.resize(1920, 1080);
        await stage.sees(viewer, sender, CAMERA.height);
        await stage.watch("2.0 Mbit/s", WIDE_SECONDS);
        const narrowed = await change(stage, viewer, "800kbit", NARROW_SECONDS);
        const widened = await change(stage, viewer, "2mbit", WIDE_SECONDS);
        const shares = sharesOfTop(viewer, sender);
        const backlog = viewer.cable.line.backlog("down");
        const span = videoSpan(narrowed.before, narrowed.after, sender.name);
        const sound = audioSpan(narrowed.before, narrowed.after);
        const figures: Figure[] = [
          below(
            "first step down after",
            since(shares, narrowed.at, (share) => share < 1),
            1,
            " s",
          ),
          below("queue drained after", lastAbove(backlog, narrowed.at, widened.at, DRAINED_MS), 2, " s"),
          below(
            "top layer back after",
            since(shares, widened.at, (share) => share >= 1),
            8,
            " s",
          ),
          below(
            "packets dropped by the line at 0.8 Mbit/s",
            dropped(viewer, narrowed.at, widened.at),
            2,
            " %",
          ),
          below("left after repair", residualLoss(span), 2, " %"),
          below("sound concealed", (100 * sound.concealedSamples) / Math.max(1, sound.samples), 2, " %"),
          estimated(stage, widened.at),
        ];
        return { play: "", figures, series: stage.series, marks: stage.marks };
      }),
  ],
};

/** Runs in the page, so it must not use anything outside itself. */
async function limitTop(maxBitrate: number): Promise<void> {
  for (const sender of window.peerConnections.flatMap((connection) => connection.getSenders())) {
    const parameters = sender.getParameters();
    const top = parameters.encodings.find(({ rid }) => rid === "f");
    if (top === undefined) continue;
    top.maxBitrate = maxBitrate;
    await sender.setParameters(parameters);
  }
}

async function change(stage: Stage, viewer: Participant, rate: string, seconds: number) {
  viewer.cable.line.set(`down rate=${rate}`);
  const at = performance.now();
  const before = await stage.now(viewer);
  await Promise.all([stage.watch(rate, seconds), lookClosely(stage, viewer)]);
  return { at, before, after: await stage.now(viewer) };
}

/** The recorder looks twice a second, which is no measure of what shall take less than one. */
async function lookClosely(stage: Stage, viewer: Participant): Promise<void> {
  for (let looks = 0; looks < CLOSE_LOOKS; looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, CLOSE_INTERVAL_MS));
    await stage.now(viewer);
  }
}

/**
 * The height of what the viewer sees, as a share of the largest that the sender encodes: with little processor time,
 * browsers make that smaller by themselves. What was encoded a moment ago is still on its way.
 */
function sharesOfTop(viewer: Participant, sender: Participant): readonly Point[] {
  const encoded = sender.recorder.seen.map(({ at, sent }) => ({
    at,
    value: Math.max(0, ...sent.filter(({ kind }) => kind === "video").map(({ height }) => height)),
  }));
  return viewer.recorder.seen.flatMap(({ at, received }) => {
    const shown = received.find((one) => one.kind === "video" && one.tile.endsWith(sender.name));
    const lately = encoded.filter((one) => one.at > at - ON_ITS_WAY_MS && one.at <= at);
    const top = Math.min(...lately.map(({ value }) => value));
    return shown === undefined || lately.length === 0 ? [] : [{ at, value: shown.height / top }];
  });
}

/** Seconds until a value was first so. */
function since(points: readonly Point[], from: number, isSo: (value: number) => boolean): number {
  const found = points.find(({ at, value }) => at > from && isSo(value));
  return found === undefined ? Number.POSITIVE_INFINITY : (found.at - from) / 1000;
}

/** Seconds until a value was above a limit for the last time within ten seconds. */
function lastAbove(points: readonly Point[], from: number, to: number, limit: number): number {
  const until = Math.min(to, from + 10_000);
  const last = points.findLast(({ at, value }) => at > from && at <= until && value > limit);
  return last === undefined ? 0 : (last.at - from) / 1000;
}

function dropped(viewer: Participant, from: number, to: number): number {
  const { lost, all } = viewer.cable.line.between("down", from, to);
  return (100 * lost) / Math.max(1, all);
}

/** In the steady state: the last ten seconds. */
function estimated(stage: Stage, to: number): Figure {
  const megabits = stage.estimates.median(to - 10_000, to) / 1e6;
  const isClose = Math.abs(megabits - NARROW) <= 0.2 * NARROW;
  const target = `within 20 % of ${NARROW} Mbit/s`;
  return holds("estimate when steady", target, `${megabits.toFixed(2)} Mbit/s`, isClose);
}
