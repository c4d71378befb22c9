// A moving picture as a video file, for a browser to use as its camera.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Grain that changes with each frame, so that an encoder uses all the bits it may. */
  readonly grainy?: boolean;
}

const FRAMES_PER_SECOND = 15;
const SECONDS = 2;
/** How far the stripes move from frame to frame; they are where they began after 16 frames. */
const STEP_PIXELS = 16;
const GREY = 128;

/** How far the grain changes a value, of 256: as in a dim room. More makes keyframes that no camera makes. */
const GRAIN = 16;

/** Writes the file and gives its path: grey stripes that wander to the side. */
export function pictureFile({ width, height, grainy }: Picture): string {
  const parts = [Buffer.from(`YUV4MPEG2 W${width} H${height} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420jpeg\n`)];
  const colour = Buffer.alloc((width * height) / 2, GREY);
  for (let frame = 0; frame < FRAMES_PER_SECOND * SECONDS; frame += 1) {
    const row = Buffer.from(Array.from({ length: width }, (_, x) => (x + frame * STEP_PIXELS) & 0xff));
    const picture = Buffer.concat(Array<Buffer>(height).fill(row));
    if (grainy) roughen(picture, frame + 1);
    parts.push(Buffer.from("FRAME\n"), picture, colour);
  }
  const path = join(mkdtempSync(join(tmpdir(), "saal-e2e-")), `${width}x${height}.y4m`);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

/** The same seed makes the same grain: a linear congruential generator is random enough for the eye. */
function roughen(picture: Buffer, seed: number): void {
  let state = seed;
  for (let index = 0; index < picture.length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    picture[index] = Math.min(255, (picture[index] ?? 0) / 2 + 64 + ((state >>> 24) % GRAIN));
  }
}
