// One picture in layers, VP9 and AV1, and three viewers of different size: each gets the layer of its tile.
import { join } from "node:path";
import { python } from "../../harness/binaries";
import { above, below, type Figure, holds, type Outcome } from "../outcome";
import type { Scenario } from "../scenario";
import { residualLoss, videoSpan } from "../spans";
import { type Participant, Stage } from "../stage";

const SECONDS = 10;
const PUBLISH_DEADLINE_MS = 30_000;
const SCRIPT = join(import.meta.dirname, "../svc_publisher.py");
const NAME = "Layers";

/** The window of a viewer, and the layer that fits the tile in it. */
const VIEWERS = [
  { name: "Small", window: { width: 320, height: 400 }, height: 180 },
  { name: "Medium", window: { width: 640, height: 600 }, height: 360 },
  { name: "Large", window: { width: 1920, height: 1080 }, height: 720 },
] as const;

export const spatialLayers: Scenario = {
  row: 10,
  title: "L3T3_KEY with three subscribers of different size",
  plays: [(tell) => coded("vp9", tell), (tell) => coded("av1", tell)],
};

function coded(codec: "vp9" | "av1", tell: (what: string) => void): Promise<Outcome> {
  return Stage.play({}, tell, async (stage) => {
    const cable = await stage.cable([]);
    const url = cable.origin.replace(/^http/, "ws");
    const publisher = cable.namespace.start(python(), [SCRIPT, url, stage.token(NAME), codec]);
    try {
      const published = async () => publisher.output.includes("published");
      await publisher.waitUntil("has published", PUBLISH_DEADLINE_MS, published);
      return await judged(codec, stage);
    } finally {
      stage.tell(`the publisher says: ${publisher.output.slice(-5).join("; ")}`);
      await publisher.stop();
    }
  });
}

async function judged(codec: string, stage: Stage): Promise<Outcome> {
  const viewers: Participant[] = [];
  for (const { name, window } of VIEWERS) {
    const behind = viewers[0];
    const viewer = await stage.join(`${name} (${codec})`, behind === undefined ? {} : { behind });
    await viewer.person.page.resize(window.width, window.height);
    viewers.push(viewer);
  }
  // Sizes settle while the windows change and the publisher learns what its line carries.
  await stage.watch(`${codec} settles`, SECONDS);
  const before = await Promise.all(viewers.map((viewer) => stage.now(viewer)));
  await stage.watch(`${codec} with three viewers`, SECONDS);
  const after = await Promise.all(viewers.map((viewer) => stage.now(viewer)));
  const figures: Figure[] = [];
  for (const [index, { name, height }] of VIEWERS.entries()) {
    const [first, last] = [before[index], after[index]];
    if (first === undefined || last === undefined) continue;
    const span = videoSpan(first, last, NAME);
    const seen = last.received.find(({ kind }) => kind === "video");
    const measured = `${seen?.height ?? 0} lines, ${seen?.codec ?? "nothing"}`;
    figures.push(holds(`${codec}: ${name} decodes`, `${height} lines`, measured, seen?.height === height));
    figures.push(above(`${codec}: ${name} frames`, span.frames / span.seconds, 5, " a second", 1));
    figures.push(below(`${codec}: ${name} packets missing`, residualLoss(span), 0.1, " %"));
    figures.push(below(`${codec}: ${name} frames dropped`, span.dropped, 0.02 * span.frames + 1, "", 0));
  }
  return { play: codec, figures, series: stage.series, marks: stage.marks };
}
