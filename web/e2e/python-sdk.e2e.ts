// A Python program on the LiveKit SDK, which is libwebrtc without a browser, meets a browser.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { python } from "./harness/binaries";
import type { Browser } from "./harness/browser";
import { startChromium } from "./harness/chromium";
import { Person } from "./harness/person";
import { eventually } from "./harness/poll";
import { Program } from "./harness/program";
import { Server } from "./harness/server";
import { mintToken } from "./harness/token";
import { isTone } from "./harness/tone";

const ROOM = "python";
/** The peer's sine, see python/peer.py; and the browser's. */
const PEER_HERTZ = 1500;
const BROWSER_HERTZ = 1000;
const FRAMES_MIN = 30;
const MEDIA_DEADLINE_MS = 30_000;

let server: Server;
let browser: Browser;
let person: Person;
let peer: Program;

beforeAll(async () => {
  server = await Server.start();
  browser = await startChromium(BROWSER_HERTZ);
  person = await Person.follow(browser, server.link(ROOM, "browser"), "browser");
  await person.turnOn("microphone");
  await person.turnOn("camera");
  const script = join(import.meta.dirname, "python/peer.py");
  peer = new Program(python(), [script, server.webSocketUrl, mintToken(ROOM, "python")]);
  await peer.waitUntil("has published", MEDIA_DEADLINE_MS, async () => said("published"));
});

afterAll(async () => {
  await peer?.stop();
  await browser?.close();
  await server?.stop();
});

test("the browser decodes the program's picture at the size it is shown", async () => {
  await eventually("frames of the program", MEDIA_DEADLINE_MS, async () => {
    const video = await person.video("python");
    return video !== null && video.framesDecoded > FRAMES_MIN && video.width > 0;
  });
});

test("the browser hears the program's tone", async () => {
  await eventually("the program's tone", MEDIA_DEADLINE_MS, async () =>
    (await person.tones()).some((heard) => isTone(heard, PEER_HERTZ)),
  );
});

test("the program decodes the browser's picture and hears its tone", async () => {
  await eventually("frames of the browser", MEDIA_DEADLINE_MS, async () => count("frames") > FRAMES_MIN);
  await eventually("the browser's tone", MEDIA_DEADLINE_MS, async () => isTone(count("tone"), BROWSER_HERTZ));
});

test("chat goes both ways", async () => {
  await person.say("hello from the browser");
  await eventually("the program reads", 10_000, async () => said("chat browser: hello from the browser"));
  await eventually("the browser reads", 10_000, async () =>
    (await person.messages()).includes("python: I read: hello from the browser"),
  );
});

test("the browser's screen arrives as a second picture", async () => {
  await person.shareScreen();
  await eventually("the screen's frames", MEDIA_DEADLINE_MS, async () => count("screen-frames") > 0);
});

test("the program leaves and its tile goes", async () => {
  peer.write("leave");
  await eventually("the tile is gone", 5_000, async () => (await person.others()).length === 0);
  await eventually("the program ends", 10_000, async () => peer.isOver);
  expect(said("left"), peer.output.slice(-20).join("\n")).toBe(true);
  expect(peer.exitCode).toBe(0);
});

function said(line: string): boolean {
  return peer.output.includes(line);
}

/** The last number that the program reported under a word. */
function count(word: string): number {
  const line = peer.output.findLast((one) => one.startsWith(`${word} `));
  return Number(line?.split(" ")[1] ?? 0);
}
