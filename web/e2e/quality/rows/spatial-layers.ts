// One picture in layers, VP9 and AV1, and three viewers of different size: each gets the layer of its tile, and
// misses no frame when it gets another one.
import type { Page } from "../../harness/browser";
import { type LayeredCamera, publishCamera } from "../../harness/library";
import { framesEncoded } from "../../harness/stats";
import { below, type Figure, holds, type Outcome } from "../outcome";
import type { Scenario } from "../scenario";
import { residualLoss, videoSpan } from "../spans";
import { type Participant, Stage } from "../stage";

/** Until the sender's estimate has grown enough for the largest size. */
const RAMP_UP_SECONDS = 15;
/** A larger size begins with a key frame, which may be put off for three seconds by what the last one cost. */
const ROUND_SECONDS = 8;
const ROUNDS = 3;
/** What comes between the looks at sender and viewers. Who waits for a key frame at a switch misses more. */
const FRAMES_BETWEEN_LOOKS = 6;
const NAME = "Layers";
/** The smallest picture of which Chromium makes three sizes, at what two cores encode of it beside others. */
const CAMERA = {
  width: 960,
  height: 540,
  framesPerSecond: 15,
  maxBitrate: 1_500_000,
  scalabilityMode: "L3T3_KEY",
} as const;

/** The windows, and the layer that fits the tile in each. */
const WINDOWS = [
  { width: 320, height: 400, lines: 136 },
  { width: 640, height: 500, lines: 270 },
  { width: 1600, height: 1000, lines: 540 },
] as const;

export const spatialLayers: Scenario = {
  row: 10,
  title: "L3T3_KEY with three subscribers of different size",
  plays: [(tell) => coded("vp9", tell), (tell) => coded("av1", tell)],
};

function coded(codec: LayeredCamera["codec"], tell: (what: string) => void): Promise<Outcome> {
  return Stage.play({}, tell, async (stage) => {
    const { page, origin } = await stage.guest(CAMERA);
    await publishCamera(page, origin, stage.token(NAME), { ...CAMERA, codec });
    const viewers: Participant[] = [];
    for (const index of WINDOWS.keys()) {
      const behind = viewers[0];
      const name = `Viewer ${index + 1} (${codec})`;
      viewers.push(await stage.join(name, behind === undefined ? {} : { behind }));
    }
    return judged(codec, stage, { publisher: page, viewers });
  });
}

interface Cast {
  readonly publisher: Page;
  readonly viewers: readonly Participant[];
}

async function judged(codec: string, stage: Stage, cast: Cast): Promise<Outcome> {
  await show(stage, cast, 0);
  // From here on nothing may be missed, whatever each is shown.
  const before = await look(stage, cast);
  const wrong: string[][] = cast.viewers.map(() => []);
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const [index, { lines, wanted }] of (await show(stage, cast, round)).entries()) {
      if (lines !== wanted) wrong[index]?.push(`${lines} for ${wanted}`);
    }
  }
  const after = await look(stage, cast);
  // The browser counts each size of a picture.
  const frames = (after.encoded - before.encoded) / WINDOWS.length;
  const figures: Figure[] = [];
  for (const [index, { name }] of cast.viewers.entries()) {
    const [first, last] = [before.seen[index], after.seen[index]];
    if (first === undefined || last === undefined) continue;
    const span = videoSpan(first, last, NAME);
    const seen = last.received.find(({ kind }) => kind === "video")?.codec ?? "nothing";
    const isRight = wrong[index]?.length === 0 && seen.toLowerCase() === codec;
    const sizes = `${seen}, ${ROUNDS - (wrong[index]?.length ?? 0)} times ${wrong[index]?.join()}`.trim();
    figures.push(holds(`${name}: decodes the size of its tile`, `${ROUNDS} times`, sizes, isRight));
    figures.push(below(`${name}: packets missing`, residualLoss(span), 0.1, " %"));
    const missed = frames - span.frames - span.dropped;
    const what = `${name}: frames missed of ${frames.toFixed(0)}`;
    figures.push(below(what, missed, FRAMES_BETWEEN_LOOKS, "", 0));
  }
  return { play: codec, figures, series: stage.series, marks: stage.marks };
}

async function look(stage: Stage, { publisher, viewers }: Cast) {
  const encoded = await framesEncoded(publisher);
  return { encoded, seen: await Promise.all(viewers.map((viewer) => stage.now(viewer))) };
}

/** Gives each viewer another window, and tells the lines of their pictures in the end and of those that fit. */
async function show(stage: Stage, { viewers }: Cast, round: number) {
  const windows = viewers.map((_, index) => WINDOWS[(index + round) % WINDOWS.length]);
  for (const [index, viewer] of viewers.entries()) {
    const window = windows[index];
    if (window !== undefined) await viewer.person.page.resize(window.width, window.height);
  }
  await stage.watch(`sizes, round ${round}`, round === 0 ? RAMP_UP_SECONDS : ROUND_SECONDS);
  const lines = viewers.map(async ({ person }) => (await person.video(NAME))?.height);
  return (await Promise.all(lines)).map((lines, index) => ({ lines, wanted: windows[index]?.lines }));
}
