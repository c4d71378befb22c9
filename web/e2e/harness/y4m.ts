// A moving picture as a video file, for a browser to use as its camera.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Picture {
  readonly width: number;
  readonly height: number;
}

const FRAMES_PER_SECOND = 15;
const SECONDS = 2;
/** How far the stripes move from frame to frame; they are where they began after 16 frames. */
const STEP_PIXELS = 16;
const GREY = 128;

/** Writes the file and gives its path: grey stripes that wander to the side. */
export function pictureFile({ width, height }: Picture): string {
  const parts = [Buffer.from(`YUV4MPEG2 W${width} H${height} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420jpeg\n`)];
  const colour = Buffer.alloc((width * height) / 2, GREY);
  for (let frame = 0; frame < FRAMES_PER_SECOND * SECONDS; frame += 1) {
    const row = Buffer.from(Array.from({ length: width }, (_, x) => (x + frame * STEP_PIXELS) & 0xff));
    parts.push(Buffer.from("FRAME\n"), Buffer.concat(Array<Buffer>(height).fill(row)), colour);
  }
  const path = join(mkdtempSync(join(tmpdir(), "saal-e2e-")), `${width}x${height}.y4m`);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}
