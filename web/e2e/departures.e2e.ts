// However somebody disappears, the others are told in time, and the same person can come back at once.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Browser } from "./harness/browser";
import { startChromium } from "./harness/chromium";
import { Person } from "./harness/person";
import { eventually, timeUntil } from "./harness/poll";
import { signalTree } from "./harness/process-tree";
import { Server } from "./harness/server";

const GONE_DEADLINE_MS = 15_000;
const BACK_DEADLINE_MS = 5_000;

let server: Server;
let staying: Browser;
let viewer: Person;
let leaving: Browser;
let leaver: Person;
let room = "";

beforeAll(async () => {
  server = await Server.start();
  staying = await startChromium(1000);
});

afterAll(async () => {
  await staying?.close();
  await server?.stop();
});

beforeEach(async ({ task }) => {
  room = `departure ${task.id}`;
  leaving = await startChromium(1400);
  viewer = await Person.follow(staying, server.link(room, "viewer"), "viewer");
  leaver = await Person.follow(leaving, server.link(room, "leaver"), "leaver");
  await leaver.turnOn("camera");
  await eventually("the picture flows", 20_000, async () => {
    return ((await viewer.video(leaver))?.framesDecoded ?? 0) > 0;
  });
});

afterEach(async () => {
  signalTree(leaving.pid, "SIGCONT");
  await leaving.close();
  await viewer.page.close();
});

test("a closed tab is gone at once", async () => {
  await leaver.page.close();
  expect(await timeUntilGone()).toBeLessThan(GONE_DEADLINE_MS);
  await comesBack(leaving);
});

test("a killed browser is gone in time", async () => {
  signalTree(leaving.pid, "SIGKILL");
  expect(await timeUntilGone()).toBeLessThan(GONE_DEADLINE_MS);
  const another = await startChromium(1400);
  try {
    await comesBack(another);
  } finally {
    await another.close();
  }
});

test("somebody whose network is cut is gone in time", async () => {
  // A stopped process keeps its sockets open and sends nothing, exactly like a pulled cable.
  signalTree(leaving.pid, "SIGSTOP");
  expect(await timeUntilGone()).toBeLessThan(GONE_DEADLINE_MS);
  const another = await startChromium(1400);
  try {
    await comesBack(another);
  } finally {
    await another.close();
  }
});

test("coming back before the server noticed replaces the lost place and leaves no ghost", async () => {
  signalTree(leaving.pid, "SIGSTOP");
  const another = await startChromium(1400);
  try {
    await comesBack(another);
    expect(await viewer.others()).toEqual(["leaver"]);
    signalTree(leaving.pid, "SIGCONT");
    await leaver.sees('[data-testid="ended"]', 30_000);
    expect(await viewer.others()).toEqual(["leaver"]);
  } finally {
    await another.close();
  }
});

function timeUntilGone(): Promise<number> {
  return timeUntil(
    "the leaver is gone",
    2 * GONE_DEADLINE_MS,
    async () => (await viewer.others()).length === 0,
  );
}

/** The same identity joins anew and is seen again. */
async function comesBack(browser: Browser): Promise<void> {
  const back = await Person.follow(browser, server.link(room, "leaver"), "leaver");
  await back.turnOn("camera");
  const waited = await timeUntil("the leaver is seen again", 20_000, async () => {
    const isAlone = (await viewer.others()).join() === "leaver";
    return isAlone && ((await viewer.video("leaver"))?.framesDecoded ?? 0) > 0;
  });
  expect(waited).toBeLessThan(BACK_DEADLINE_MS);
}
