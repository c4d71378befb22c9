// One stream that holds all sizes of a camera (VP9 and AV1, `L3T3_KEY`): each viewer decodes the size that is
// shown, and when all change theirs at once, nobody misses a frame.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser, Page } from "./harness/browser";
import { startChromium } from "./harness/chromium";
import { publishCamera } from "./harness/library";
import { Person } from "./harness/person";
import { eventually } from "./harness/poll";
import { Server } from "./harness/server";
import { type Flow, flow, framesEncoded } from "./harness/stats";
import { mintToken } from "./harness/token";

/** The smallest picture of which Chromium makes three sizes: it makes none below 240 × 135, and of that 136 lines. */
const CAMERA = { width: 960, height: 540, framesPerSecond: 15, maxBitrate: 1_500_000 } as const;
const NAME = "layered";
const WINDOWS = [
  { window: { width: 320, height: 400 }, lines: 136 },
  { window: { width: 640, height: 500 }, lines: 270 },
  { window: { width: 1600, height: 1000 }, lines: 540 },
] as const;
/** The sender's bandwidth estimate must first have grown until it sends the largest size at all. */
const RAMP_UP_DEADLINE_MS = 30_000;
/** A larger size begins with a key frame, which may be put off for three seconds by what the last one cost. */
const SWITCH_DEADLINE_MS = 10_000;
/** All four are asked one after the other, and frames are on their way. Whoever waits for a key frame misses more. */
const FRAMES_BETWEEN_LOOKS = 6;

let server: Server;
const browsers: Browser[] = [];

beforeAll(async () => {
  server = await Server.start();
  for (const hertz of [1000, 1400]) browsers.push(await startChromium(hertz, CAMERA));
});

afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await server?.stop();
});

test.each(["vp9", "av1"] as const)("%s: three viewers each decode the size they are shown", async (codec) => {
  const [theirs, mine] = browsers as [Browser, Browser];
  const publisher = await theirs.newPage();
  const camera = { ...CAMERA, codec, scalabilityMode: "L3T3_KEY" } as const;
  await publishCamera(publisher, server.url, mintToken(codec, NAME), camera);
  const viewers: Person[] = [];
  for (const [index, { window }] of WINDOWS.entries()) {
    const name = `viewer ${index + 1}`;
    const viewer = await Person.follow(mine, server.link(codec, name), name);
    await viewer.page.resize(window.width, window.height);
    viewers.push(viewer);
  }
  await all(viewers, (viewer, index) => receives(viewer, index, RAMP_UP_DEADLINE_MS));
  const before = await look(publisher, viewers);
  await all(viewers, async ({ page }, index) => {
    const { window } = WINDOWS[(index + 1) % WINDOWS.length] as (typeof WINDOWS)[number];
    await page.resize(window.width, window.height);
  });
  await all(viewers, (viewer, index) => receives(viewer, (index + 1) % WINDOWS.length, SWITCH_DEADLINE_MS));
  const after = await look(publisher, viewers);
  // The browser counts each size of a picture.
  const sent = (after.encoded - before.encoded) / WINDOWS.length;
  for (const [index, { name }] of viewers.entries()) {
    const [earlier, later] = [before.flows[index], after.flows[index]];
    expect(later?.codec.toLowerCase(), name).toBe(`video/${codec}`);
    const grown = (count: keyof Omit<Flow, "codec">) => (later?.[count] ?? 0) - (earlier?.[count] ?? 0);
    expect(grown("packetsLost"), `packets that ${name} misses`).toBe(0);
    expect(grown("keyFramesRequested"), `times that ${name} could not go on`).toBe(0);
    const missed = sent - grown("framesReceived");
    expect(missed, `frames of ${sent} that ${name} misses`).toBeLessThan(FRAMES_BETWEEN_LOOKS);
    const undecoded = grown("framesReceived") - grown("framesDecoded") - grown("framesDropped");
    expect(undecoded, `frames that ${name} could not decode`).toBeLessThan(FRAMES_BETWEEN_LOOKS);
  }
  await publisher.close();
  await all(viewers, ({ page }) => page.close());
});

async function look(publisher: Page, viewers: readonly Person[]) {
  const [encoded, ...flows] = await Promise.all([
    framesEncoded(publisher),
    ...viewers.map(({ page }) => flow(page, NAME)),
  ]);
  return { encoded, flows };
}

async function receives(viewer: Person, index: number, deadlineMs: number): Promise<void> {
  const wanted = WINDOWS[index]?.lines;
  await eventually(`${viewer.name} receives ${wanted} lines`, deadlineMs, async () => {
    const seen = await viewer.video(NAME);
    if (seen?.height !== wanted) throw new Error(`receives ${seen?.height}, ${seen?.framesDecoded} frames`);
    return true;
  });
}

function all<One, Result>(these: readonly One[], act: (one: One, index: number) => Promise<Result>) {
  return Promise.all(these.map(act));
}
