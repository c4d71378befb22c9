// A tile is received at the size it is shown: small when small, large soon after it was enlarged, never frozen.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser } from "./harness/browser";
import { LARGE_CAMERA, startChromium } from "./harness/chromium";
import { Person } from "./harness/person";
import { eventually, timeUntil } from "./harness/poll";
import { Server } from "./harness/server";
import { longestStall } from "./harness/stats";

const ROOM = "layers";
const FULL_WIDTH = 1280;
/** Two tiles above each other, each smaller than a quarter of the camera's picture. */
const SMALL = { width: 320, height: 400 } as const;
const LARGE = { width: 1920, height: 1080 } as const;
/** The sender's bandwidth estimate must first have grown until it sends the largest picture at all. */
const RAMP_UP_DEADLINE_MS = 30_000;
const ENLARGE_DEADLINE_MS = 1000;
const STALL_MAX_MS = 500;

let server: Server;
const browsers: Browser[] = [];
let viewer: Person;
let shown: Person;

beforeAll(async () => {
  server = await Server.start();
  for (const hertz of [1000, 1400]) browsers.push(await startChromium(hertz, LARGE_CAMERA));
  const [mine, theirs] = browsers as [Browser, Browser];
  shown = await Person.follow(theirs, server.link(ROOM, "shown"), "shown");
  await shown.turnOn("camera");
  viewer = await Person.follow(mine, server.link(ROOM, "viewer"), "viewer");
  await viewer.page.resize(LARGE.width, LARGE.height);
  await receivesWidth(FULL_WIDTH, RAMP_UP_DEADLINE_MS);
});

afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await server?.stop();
});

/** A machine that is short of time stalls now and then; a fault of ours would do so in every round. */
const ROUNDS = 6;

test("a small tile receives a quarter of the width, without a pause on the way down", async () => {
  const stalls = await rounds(async () => {
    await viewer.page.resize(LARGE.width, LARGE.height);
    await receivesWidth(FULL_WIDTH, RAMP_UP_DEADLINE_MS);
    return longestStall(viewer.page, "shown", async () => {
      await viewer.page.resize(SMALL.width, SMALL.height);
      await receivesWidth(FULL_WIDTH / 4, 10_000);
      // Whatever the switch delayed shows in the frames just after it.
      await new Promise((resolve) => setTimeout(resolve, 1000));
    });
  }, STALL_MAX_MS);
  expect(Math.min(...stalls), `milliseconds, of ${stalls}`).toBeLessThan(STALL_MAX_MS);
});

test("an enlarged tile receives the full width within a second", async () => {
  const waits = await rounds(async () => {
    await viewer.page.resize(SMALL.width, SMALL.height);
    await receivesWidth(FULL_WIDTH / 4, 10_000);
    await viewer.page.resize(LARGE.width, LARGE.height);
    return timeUntil("full width", 10_000, async () => (await width()) === FULL_WIDTH);
  }, ENLARGE_DEADLINE_MS);
  expect(Math.min(...waits), `milliseconds, of ${waits}`).toBeLessThan(ENLARGE_DEADLINE_MS);
});

/** Measures until the limit is kept, a few times at most. */
async function rounds(measure: () => Promise<number>, limit: number): Promise<number[]> {
  const measured: number[] = [];
  while (measured.length < ROUNDS && !measured.some((one) => one < limit)) measured.push(await measure());
  return measured;
}

async function receivesWidth(wanted: number, deadlineMs: number): Promise<void> {
  await eventually(`receives ${wanted} pixels`, deadlineMs, async () => {
    const seen = await width();
    if (seen !== wanted) throw new Error(`receives ${seen}`);
    return true;
  });
}

async function width(): Promise<number> {
  return (await viewer.video(shown))?.width ?? 0;
}
