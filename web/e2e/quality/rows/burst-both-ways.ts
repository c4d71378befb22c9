// A third of everything is lost in both directions for ten seconds: speech stays whole, the picture comes back.
import { above, below, type Point } from "../outcome";
import type { Scenario } from "../scenario";
import { audioSpan } from "../spans";
import { type Participant, Stage } from "../stage";

const LOSSY_SECONDS = 10;
const AFTER_SECONDS = 10;
/** A picture that moves: frames a second of the 15 that the camera gives. */
const MOVING = 10;

export const burstBothWays: Scenario = {
  row: 3,
  title: "30 % lost both ways for 10 s",
  plays: [
    (tell) =>
      Stage.play({}, tell, async (stage) => {
        const sender = await stage.join("Sender", { camera: { width: 640, height: 360 } });
        await sender.person.turnOn("microphone");
        await sender.person.turnOn("camera");
        const viewer = await stage.join("Viewer", { line: ["both delay=25ms"] });
        await stage.sees(viewer, sender, 180);
        await stage.watch("no loss", 8);
        const height = heightNow(viewer);
        viewer.cable.line.set("both loss=30%");
        const before = await stage.now(viewer);
        await stage.watch("30 % lost both ways", LOSSY_SECONDS);
        const after = await stage.now(viewer);
        viewer.cable.line.set("both loss=0%");
        const at = performance.now();
        await stage.watch("no loss any more", AFTER_SECONDS);
        const sound = audioSpan(before, after);
        const whole = 100 - (100 * sound.concealedSamples) / Math.max(1, sound.samples);
        const codecs = after.received.filter(({ kind }) => kind === "audio").map(({ codec }) => codec);
        return {
          play: "",
          figures: [
            above(`sound played, not made up (${codecs.join() || "none"})`, whole, 98, " %"),
            below("picture moving in its size again after", backAfter(viewer, at, height), 5, " s"),
          ],
          series: stage.series,
          marks: stage.marks,
        };
      }),
  ],
};

function heightNow(viewer: Participant): number {
  return viewer.recorder.seen.at(-1)?.received.find(({ kind }) => kind === "video")?.height ?? 0;
}

/** Seconds until the picture has its height and moves. */
function backAfter(viewer: Participant, from: number, height: number): number {
  const frames = viewer.recorder.series().find(({ unit }) => unit === "1/s")?.points ?? [];
  const isTall = (at: number) =>
    viewer.recorder.seen.some((one) => one.at === at && one.received.some((it) => it.height >= height));
  const back = frames.find(({ at, value }: Point) => at > from && value >= MOVING && isTall(at));
  return back === undefined ? Number.POSITIVE_INFINITY : (back.at - from) / 1000;
}
