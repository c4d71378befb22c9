// Two people sit in one physical room and say so: they get no sound of each other, and the third hears both.
import { afterAll, beforeAll, test } from "vitest";
import type { Browser } from "./harness/browser";
import { startChromium } from "./harness/chromium";
import { Person } from "./harness/person";
import { eventually } from "./harness/poll";
import { Server } from "./harness/server";
import { isTone } from "./harness/tone";

const PITCH = { Anna: 1000, Bela: 1400, Clara: 1900 } as const;
type Name = keyof typeof PITCH;
const DEADLINE_MS = 30_000;

let server: Server;
const browsers: Browser[] = [];
const people = {} as Record<Name, Person>;

beforeAll(async () => {
  server = await Server.start();
  for (const name of Object.keys(PITCH) as Name[]) {
    const browser = await startChromium(PITCH[name]);
    browsers.push(browser);
    people[name] = await Person.comeIn(browser, server.url, "Ratssitzung", name);
    await people[name].turnOn("microphone");
  }
});

afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await server?.stop();
});

test("before they say so, everybody hears everybody", async () => {
  await hears(people.Anna, "Bela", "Clara");
  await hears(people.Bela, "Anna", "Clara");
});

test("neighbours hear only who sits elsewhere, who hears them all", async () => {
  await sits(people.Anna, "Ratssaal");
  await sits(people.Bela, "Ratssaal");
  await hears(people.Anna, "Clara");
  await hears(people.Bela, "Clara");
  await hears(people.Clara, "Anna", "Bela");
});

test("whoever moves out hears the others again", async () => {
  await sits(people.Bela, "");
  await hears(people.Anna, "Bela", "Clara");
  await hears(people.Bela, "Anna", "Clara");
});

/** Says with whom this person sits, through the screens. */
async function sits(person: Person, group: string): Promise<void> {
  const { page } = person;
  await page.click('[data-testid="device-settings"]');
  await page.evaluate(
    ({ value }) => {
      const select = document.querySelector<HTMLSelectElement>('[data-testid="neighbours"]');
      if (select === null) throw new Error("there is no choice of neighbours");
      const isKnown = [...select.options].some((option) => option.value === value);
      select.value = isKnown ? value : " ";
      select.dispatchEvent(new Event("change", { bubbles: true }));
    },
    { value: group },
  );
  const isNamed = await page.evaluate(
    () => document.querySelector('[data-testid="neighbours-name"]') !== null,
    null,
  );
  if (isNamed) await page.fill('[data-testid="neighbours-name"]', group);
  await page.click('[data-testid="neighbours-apply"]');
  await person.sees(`[data-testid="neighbours-state"][data-group="${group}"]`);
  await page.click("dialog[open] > div:last-child button");
}

/** Hears exactly these: a tone for each, and no other. */
async function hears(listener: Person, ...speakers: readonly Name[]): Promise<void> {
  await eventually(`${listener.name} hears ${speakers.join(" and ")} only`, DEADLINE_MS, async () => {
    const tones = await listener.tones();
    const names = (Object.keys(PITCH) as Name[]).filter((name) =>
      tones.some((heard) => isTone(heard, PITCH[name])),
    );
    if (names.join() !== speakers.join()) throw new Error(`hears ${names.join() || "nobody"}`);
    return true;
  });
}
