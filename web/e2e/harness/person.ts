// Somebody in front of a browser: uses the real screens, and tells what they see and hear.
import type { Browser, Page } from "./browser";
import { eventually } from "./poll";
import { type ReceivedVideo, received } from "./stats";
import { loudTones } from "./tone";

const JOIN_DEADLINE_MS = 30_000;
const SCREEN_DEADLINE_MS = 15_000;

export class Person {
  readonly name: string;
  readonly page: Page;

  private constructor(name: string, page: Page) {
    this.name = name;
    this.page = page;
  }

  /** Goes through the start page, as somebody does who was told the name of a room. */
  static async comeIn(browser: Browser, url: string, room: string, name: string): Promise<Person> {
    const person = new Person(name, await browser.newPage());
    await person.page.open(url);
    await person.page.fill('input[autocomplete="name"]', name);
    await person.page.fill('input[autocomplete="off"]', room);
    await person.page.click('form button[type="submit"]');
    await person.#join();
    return person;
  }

  /** Opens a personal link, whose token says who they are. */
  static async follow(browser: Browser, link: string, name: string): Promise<Person> {
    const person = new Person(name, await browser.newPage());
    await person.page.open(link);
    await person.#join();
    return person;
  }

  async turnOn(device: "microphone" | "camera"): Promise<void> {
    await this.page.click(`[data-testid="switch-${device}"]`);
    await this.sees(`[data-testid="switch-${device}"][data-state="on"]`);
  }

  async turnOff(device: "microphone" | "camera"): Promise<void> {
    await this.page.click(`[data-testid="switch-${device}"]`);
    await this.sees(`[data-testid="switch-${device}"][data-state="off"]`);
  }

  async shareScreen(): Promise<void> {
    await this.page.click('[data-testid="share"]');
    await this.sees('[data-testid="share"][data-sharing="true"]');
  }

  async say(text: string): Promise<void> {
    await this.openChat();
    await this.page.fill('[data-testid="chat-input"]', text);
    await this.page.click('[data-testid="chat"] button[type="submit"]');
  }

  async openChat(): Promise<void> {
    const isOpen = await this.page.evaluate(
      () => document.querySelector('[data-testid="chat"]') !== null,
      null,
    );
    if (!isOpen) await this.page.click('[data-testid="chat-button"]');
  }

  /** Leaves, and tells when the click was: driving a busy browser takes longer than what is measured. */
  async leave(): Promise<number> {
    await this.page.evaluate(() => {
      document.addEventListener("click", () => (window.clickedAt = Date.now()), {
        capture: true,
        once: true,
      });
    }, null);
    await this.page.click('[data-testid="leave"]');
    return eventually("the click", SCREEN_DEADLINE_MS, () =>
      this.page.evaluate(() => window.clickedAt, null),
    );
  }

  /** From here on the page notes the moment at which that person's tile goes. */
  watchForDeparture(of: Person): Promise<void> {
    return this.page.evaluate((name) => {
      const observer = new MutationObserver(() => {
        const labels = [...document.querySelectorAll('figure[data-source="camera"] figcaption')];
        if (labels.some((label) => label.textContent === name)) return;
        window.goneAt = Date.now();
        observer.disconnect();
      });
      observer.observe(document.body, { childList: true, subtree: true });
    }, of.name);
  }

  departureSeenAt(): Promise<number | undefined> {
    return this.page.evaluate(() => window.goneAt, null);
  }

  /** The messages in the chat panel, each as "who: text". */
  messages(): Promise<string[]> {
    return this.page.evaluate(
      () =>
        [...document.querySelectorAll('[data-testid="chat-message"]')].map((message) => {
          const from = message.querySelector("strong")?.textContent ?? "";
          return `${from}: ${message.lastElementChild?.textContent ?? ""}`;
        }),
      null,
    );
  }

  /** The names on the tiles, without one's own. */
  others(): Promise<string[]> {
    return this.page.evaluate(
      () =>
        [...document.querySelectorAll('figure[data-source="camera"][data-local="false"]')].map(
          (tile) => tile.querySelector("figcaption")?.textContent ?? "",
        ),
      null,
    );
  }

  /** The names on the tiles that are marked as speaking. */
  speakers(): Promise<string[]> {
    return this.page.evaluate(
      () =>
        [...document.querySelectorAll('figure[data-speaking="true"]')].map(
          (tile) => tile.querySelector("figcaption")?.textContent ?? "",
        ),
      null,
    );
  }

  video(of: Person | string, source: "camera" | "screen" = "camera"): Promise<ReceivedVideo | null> {
    return received(this.page, typeof of === "string" ? of : of.name, source);
  }

  /** The size of the screen that this person shares, as "width x height" without spaces, once it is known. */
  ownScreenSize(): Promise<string | null> {
    return this.page.evaluate(() => {
      const video = document.querySelector<HTMLVideoElement>(
        'figure[data-source="screen"][data-local="true"] video',
      );
      return video === null || video.videoWidth === 0 ? null : `${video.videoWidth}x${video.videoHeight}`;
    }, null);
  }

  /** The frequencies that are heard clearly, one for each track that carries one, in hertz. */
  tones(): Promise<number[]> {
    return loudTones(this.page);
  }

  /** What an element says, or null where there is none. */
  text(selector: string): Promise<string | null> {
    return this.page.evaluate((wanted) => document.querySelector(wanted)?.textContent ?? null, selector);
  }

  async sees(selector: string, deadlineMs: number = SCREEN_DEADLINE_MS): Promise<void> {
    await eventually(`${this.name} sees ${selector}`, deadlineMs, () =>
      this.page.evaluate((wanted) => document.querySelector(wanted) !== null, selector),
    );
  }

  async #join(): Promise<void> {
    await this.sees('[data-testid="join"]');
    await this.page.click('[data-testid="join"]');
    await eventually(`${this.name} is in the meeting`, JOIN_DEADLINE_MS, () =>
      this.page.evaluate(() => {
        const reason = document.querySelector<HTMLElement>('[data-testid="ended"]')?.dataset["reason"];
        if (reason !== undefined) throw new Error(`the meeting ended: ${reason}`);
        return document.querySelector('[data-testid="meeting"]') !== null;
      }, null),
    );
  }
}

/** Milliseconds since 1970, of the one clock that all browsers of a story share. */
declare global {
  interface Window {
    clickedAt?: number;
    goneAt?: number;
  }
}
