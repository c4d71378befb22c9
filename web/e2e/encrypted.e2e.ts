// An end-to-end encrypted meeting: who has the key sees, hears and reads; who has another decodes nothing and is
// told why; and who sends in the open is named.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser } from "./harness/browser";
import { startChromium } from "./harness/chromium";
import { startFirefox } from "./harness/firefox";
import { Person } from "./harness/person";
import { eventually } from "./harness/poll";
import { Server } from "./harness/server";
import { totalReceived } from "./harness/stats";
import { isTone } from "./harness/tone";

const ROOM = "geheim";
const KEY = "abcdefghijkmnpqrstuvwxyz23";
const OTHER_KEY = "23456789abcdefghijkmnpqrst";
const PITCH = { anna: 1000, bela: 1400, fiona: 1900 } as const;

let server: Server;
const browsers: Browser[] = [];
let anna: Person;
let bela: Person;

beforeAll(async () => {
  server = await Server.start();
  for (const hertz of [PITCH.anna, PITCH.bela]) browsers.push(await startChromium(hertz));
  const [first, second] = browsers as [Browser, Browser];
  anna = await Person.comeIn(first, server.url, link(KEY), "Anna");
  bela = await Person.comeIn(second, server.url, link(KEY), "Bela");
  for (const person of [anna, bela]) {
    await person.turnOn("microphone");
    await person.turnOn("camera");
  }
});

afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await server?.stop();
});

test("those with the same key see, hear and read each other, and the lock holds", async () => {
  for (const [viewer, shown, hertz] of [
    [anna, bela, PITCH.bela],
    [bela, anna, PITCH.anna],
  ] as const) {
    await eventually(`${viewer.name} sees ${shown.name}`, 20_000, async () => {
      return ((await viewer.video(shown))?.framesDecoded ?? 0) > 30;
    });
    await eventually(`${viewer.name} hears ${hertz} Hz`, 20_000, async () => {
      return (await viewer.tones()).some((heard) => isTone(heard, hertz));
    });
    await viewer.sees('[data-testid="encryption"][data-state="on"]');
  }
  await anna.say("nur für uns");
  await bela.openChat();
  await eventually("Bela reads", 10_000, async () => (await bela.messages()).includes("Anna: nur für uns"));
});

test("Firefox, which encrypts by other means, takes part as well", async () => {
  const firefox = await startFirefox(PITCH.fiona);
  browsers.push(firefox);
  const fiona = await Person.comeIn(firefox, server.url, link(KEY), "Fiona");
  await fiona.turnOn("microphone");
  await fiona.turnOn("camera");
  for (const [viewer, shown, hertz] of [
    [anna, fiona, PITCH.fiona],
    [fiona, anna, PITCH.anna],
  ] as const) {
    await eventually(`${viewer.name} sees ${shown.name}`, 30_000, async () => {
      return ((await viewer.video(shown))?.framesDecoded ?? 0) > 30;
    });
    await eventually(`${viewer.name} hears ${hertz} Hz`, 30_000, async () => {
      return (await viewer.tones()).some((heard) => isTone(heard, hertz));
    });
    await viewer.sees('[data-testid="encryption"][data-state="on"]');
  }
  await fiona.leave();
  await firefox.close();
});

test("somebody with another key decodes nothing, reads nothing, and both sides are told why", async () => {
  const cleo = await Person.comeIn(browsers[1] as Browser, server.url, link(OTHER_KEY), "Cleo");
  await cleo.openChat();
  await cleo.turnOn("camera");
  await cleo.sees('[data-testid="other-key"]');
  await eventually("Cleo is told of both", 20_000, async () => {
    const told = await cleo.text('[data-testid="other-key"]');
    return told?.includes("Anna") && told.includes("Bela");
  });
  await anna.sees('[data-testid="other-key"]');
  expect(await anna.text('[data-testid="other-key"]')).toContain("Cleo");
  await anna.sees('[data-testid="encryption"][data-state="broken"]');
  await anna.say("another word");
  await eventually("Bela reads it", 10_000, async () =>
    (await bela.messages()).includes("Anna: another word"),
  );
  const { frames, packets } = await totalReceived(cleo.page);
  expect(packets).toBeGreaterThan(0);
  expect(frames).toBe(0);
  expect(await cleo.tones()).toEqual([]);
  expect(await cleo.messages()).toEqual([]);
  await cleo.leave();
  await anna.sees('[data-testid="encryption"][data-state="on"]');
});

test("somebody without a key is told to ask for it, and is named as not encrypted", async () => {
  const dora = await Person.comeIn(browsers[1] as Browser, server.url, `${server.url}/r/${ROOM}`, "Dora");
  await dora.sees('[data-testid="key-missing"]');
  await dora.turnOn("camera");
  await anna.sees('[data-testid="unencrypted"]');
  expect(await anna.text('[data-testid="unencrypted"]')).toContain("Dora");
  await eventually("Dora hears nothing of the noise", 10_000, async () => (await dora.tones()).length === 0);
});

function link(key: string): string {
  return `${server.url}/r/${ROOM}#key=${key}`;
}
