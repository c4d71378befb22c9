// A camera is encoded only in the sizes that somebody looks at.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser } from "./harness/browser";
import { LARGE_CAMERA, startChromium } from "./harness/chromium";
import { Person } from "./harness/person";
import { eventually, timeUntil } from "./harness/poll";
import { Server } from "./harness/server";
import { type SentEncoding, sent } from "./harness/stats";

const ROOM = "dynacast";
const FULL_WIDTH = 1280;
const SMALL = { width: 320, height: 400 } as const;
const LARGE = { width: 1920, height: 1080 } as const;
/** The sender's bandwidth estimate must first have grown until it sends the largest picture at all. */
const RAMP_UP_DEADLINE_MS = 30_000;
/** `media.dynacast_pause_delay`, and as much again for a machine that is short of time. */
const PAUSE_DELAY_MS = 5000;
const OFF_DEADLINE_MS = 10_000;
/** What is off stands still for so long, in which a size that is on has 30 pictures. */
const WATCH_MS = 2000;
/** The encoder may just have had a picture in hand as it was told. */
const PICTURES_IN_HAND = 2;
/** The camera begins at once, with a key frame that serves (1.4 s here); on shared cores it takes its time. */
const BACK_DEADLINE_MS = 4000;

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
  await eventually("the full picture", RAMP_UP_DEADLINE_MS, async () => (await width()) === FULL_WIDTH);
});

afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await server?.stop();
});

test("sizes that nobody looks at are switched off, and are back when somebody does", async () => {
  await viewer.page.resize(SMALL.width, SMALL.height);
  const waited = await timeUntil("only the smallest size", OFF_DEADLINE_MS, async () => {
    const [small, ...larger] = await sent(shown.page);
    return small?.active === true && larger.length === 2 && larger.every((one) => !one.active);
  });
  expect(waited, "milliseconds until they were off").toBeGreaterThan(PAUSE_DELAY_MS - 1000);
  const before = await sent(shown.page);
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  const after = await sent(shown.page);
  const [small, ...larger] = after.map((one, size) => one.framesEncoded - framesOf(before[size]));
  for (const more of larger) {
    expect(more, "further pictures of a larger size").toBeLessThanOrEqual(PICTURES_IN_HAND);
  }
  expect(small, "further pictures of the smallest size").toBeGreaterThan(PICTURES_IN_HAND);

  await viewer.page.resize(LARGE.width, LARGE.height);
  const back = await timeUntil("the full picture", 10_000, async () => (await width()) === FULL_WIDTH);
  process.stderr.write(`off after ${waited.toFixed(0)} ms, back after ${back.toFixed(0)} ms\n`);
  expect(back, "milliseconds until the full picture").toBeLessThan(BACK_DEADLINE_MS);
});

test("a camera that nobody can see is not encoded at all", async () => {
  await viewer.leave();
  await eventually("nothing is sent", OFF_DEADLINE_MS, async () => {
    const encodings = await sent(shown.page);
    return encodings.length === 3 && encodings.every((one) => !one.active);
  });
});

function framesOf(encoding: SentEncoding | undefined): number {
  return encoding?.framesEncoded ?? 0;
}

async function width(): Promise<number> {
  return (await viewer.video(shown))?.width ?? 0;
}
