// A tile changes its size a hundred times: each time the other layer comes, and no picture breaks on the way.
import { above, below } from "../outcome";
import type { Scenario } from "../scenario";
import { frozenShare, residualLoss, videoSpan } from "../spans";
import { type Participant, Stage } from "../stage";

const SWITCHES = 100;
const LARGE = { width: 1920, height: 1080 } as const;
const SMALL = { width: 320, height: 400 } as const;
/** Longer than the page waits before it asks for another size. */
const BETWEEN_MS = 900;

export const layerSwitches: Scenario = {
  row: 8,
  title: "layer switched up and down 100 times",
  plays: [
    (tell) =>
      Stage.play({}, tell, async (stage) => {
        const sender = await stage.join("Sender", { camera: { width: 640, height: 360 } });
        await sender.person.turnOn("camera");
        const viewer = await stage.join("Viewer");
        await viewer.person.page.resize(LARGE.width, LARGE.height);
        await stage.sees(viewer, sender, 360);
        await watchForBlack(viewer);
        const before = await stage.now(viewer);
        stage.mark("switching");
        const heights: number[] = [];
        for (let done = 0; done < SWITCHES; done += 1) {
          const size = done % 2 === 0 ? SMALL : LARGE;
          await viewer.person.page.resize(size.width, size.height);
          await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
          heights.push((await viewer.person.video(sender.name))?.height ?? 0);
          if (done % 20 === 19) stage.tell(`${done + 1} switches`);
        }
        const after = await stage.now(viewer);
        const span = videoSpan(before, after, sender.name);
        const seen = heights.filter((height, index) => index > 0 && height !== heights[index - 1]).length;
        const black = await viewer.person.page.evaluate(() => window.blackFrames ?? -1, null);
        return {
          play: "",
          figures: [
            above("switches that were seen", seen, 0.8 * SWITCHES, "", 0),
            below("frames that could not be decoded", span.dropped, 0.02 * span.frames, "", 0),
            below("black frames", black, 1, "", 0),
            below("packets missing in the stream", residualLoss(span), 0.1, " %"),
            below("frozen", frozenShare(span), 1, " % of time"),
          ],
          series: stage.series,
          marks: stage.marks,
        };
      }),
  ],
};

/** Draws what the tile shows, small, and counts what is dark all over: the camera's picture never is. */
function watchForBlack({ person }: Participant): Promise<void> {
  return person.page.evaluate(() => {
    window.blackFrames = 0;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [16, 9];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    window.setInterval(() => {
      const video = document.querySelector<HTMLVideoElement>('figure[data-local="false"] video');
      if (video === null || context === null || video.videoWidth === 0) return;
      context.drawImage(video, 0, 0, canvas.width, canvas.height);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      if (data.every((value, index) => index % 4 === 3 || value < 16)) {
        window.blackFrames = (window.blackFrames ?? 0) + 1;
      }
    }, 50);
  }, null);
}

declare global {
  interface Window {
    blackFrames?: number;
  }
}
