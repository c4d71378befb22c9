// Every screen, as everybody can use it and as a strict page: accessible, narrow, and silent towards third parties.
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBareChromium } from "./harness/chromium";
import { Server } from "./harness/server";

const RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"];
const PHONE = { width: 320, height: 640 } as const;
const DESK = { width: 1280, height: 800 } as const;

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start();
  browser = await startBareChromium();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test.each([
  { colorScheme: "light", viewport: DESK },
  { colorScheme: "dark", viewport: PHONE },
] as const)("every screen is accessible and fits: $colorScheme, $viewport.width px", async (look) => {
  const context = await browser.newContext({ ...look, locale: "en-GB" });
  const page = await context.newPage();
  await page.goto(server.url);
  await expectUsable(page, "start");

  await page.getByLabel("Your name").fill("Anna");
  await page.getByLabel("Room", { exact: true }).fill("screens");
  await page.getByRole("button", { name: "Join" }).click();
  await page.getByTestId("join").waitFor();
  await expectUsable(page, "green room");

  await page.getByTestId("switch-camera").click();
  await page.getByTestId("switch-microphone").click();
  await page.getByTestId("level").waitFor();
  await expectUsable(page, "green room with devices on");

  await page.getByTestId("join").click();
  await page.getByTestId("meeting").waitFor();
  await page.locator('figure[data-local="true"] video').waitFor();
  await expectUsable(page, "meeting");

  await page.getByTestId("chat-button").click();
  await page.getByTestId("chat-input").fill("Hello");
  await page.keyboard.press("Enter");
  await page.getByTestId("chat-message").waitFor();
  await expectUsable(page, "meeting with chat");

  await page.keyboard.press("Escape");
  await page.getByTestId("leave").click();
  await page.getByTestId("rejoin").waitFor();
  await expectUsable(page, "after leaving");
  await context.close();
});

test("an encrypted meeting is begun and explained on a phone", async () => {
  const context = await browser.newContext({ viewport: PHONE, colorScheme: "dark", locale: "en-GB" });
  const page = await context.newPage();
  await page.goto(server.url);
  await page.getByLabel("Your name").fill("Anna");
  await page.getByTestId("encrypted").check();
  await page.getByTestId("create").click();
  await page.getByTestId("join").click();
  await page.locator('[data-testid="encryption"][data-state="on"]').waitFor();
  await expectUsable(page, "encrypted meeting");
  await page.getByRole("button", { name: "End-to-end encrypted" }).click();
  await page.getByText("The key is in the link alone").waitFor();
  await expectUsable(page, "explanation of the encryption");
  await page.keyboard.press("Escape");
  await page.getByText("The key is in the link alone").waitFor({ state: "hidden" });
  await context.close();
});

test("a meeting is joined, spoken in, written in and left by keyboard alone", async () => {
  const page = await browser.newPage({ locale: "en-GB" });
  await page.goto(`${server.url}/r/keyboard`);
  await tabTo(page, "Your name");
  await page.keyboard.type("Anna");
  await tabTo(page, "Join without microphone");
  await page.keyboard.press("Enter");
  await page.getByTestId("meeting").waitFor();
  await tabTo(page, "Turn on microphone");
  await page.keyboard.press("Space");
  await page.locator('[data-testid="switch-microphone"][data-state="on"]').waitFor();
  await tabTo(page, "Open chat");
  await page.keyboard.press("Enter");
  await page.keyboard.type("Hello");
  await page.keyboard.press("Enter");
  await page.getByTestId("chat-message").waitFor();
  await page.keyboard.press("Escape");
  await tabTo(page, "Leave");
  await page.keyboard.press("Enter");
  await page.getByTestId("rejoin").waitFor();
  await page.close();
});

test("no device is asked for before the person turns it on, and nothing is asked of third parties", async () => {
  const page = await browser.newPage({ locale: "en-GB" });
  const elsewhere: string[] = [];
  const broken: string[] = [];
  page.on("request", (request) => {
    const { host, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && host !== new URL(server.url).host) elsewhere.push(request.url());
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== new URL(server.url).host) elsewhere.push(socket.url());
  });
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) broken.push(message.text());
  });
  await page.addInitScript(() => {
    Object.assign(window, { asked: 0 });
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = (constraints) => {
      Object.assign(window, { asked: Number(Reflect.get(window, "asked")) + 1 });
      return ask(constraints);
    };
  });
  const response = await page.goto(`${server.url}/r/quiet`);
  expect(response?.headers()["content-security-policy"]).toMatch(/default-src '(none|self)'/);
  await page.getByLabel("Your name").fill("Anna");
  await page.getByTestId("join").click();
  await page.getByTestId("meeting").waitFor();
  const asked = () => page.evaluate(() => Reflect.get(window, "asked"));
  expect(await asked()).toBe(0);
  await page.getByTestId("switch-camera").click();
  await page.locator('figure[data-local="true"] video').waitFor();
  expect(await asked()).toBe(1);
  expect(elsewhere).toEqual([]);
  expect(broken).toEqual([]);
  await page.close();
});

test("a token that is not valid is refused in plain words", async () => {
  const page = await browser.newPage({ locale: "en-GB" });
  await page.goto(`${server.url}/r/refused#token=not.a.token`);
  await page.getByLabel("Your name").fill("Mallory");
  await page.getByTestId("join").click();
  await page.locator('[data-testid="ended"][data-reason="refused"]').waitFor();
  await page.close();
});

async function expectUsable(page: Page, screen: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(", ")}`);
  expect(told, screen).toEqual([]);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow, `${screen} scrolls sideways`).toBeLessThanOrEqual(0);
}

/** Presses Tab until the element of that name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  /** More than any screen has. */
  const stopsMax = 40;
  for (let stop = 0; stop < stopsMax; stop += 1) {
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      if (!(element instanceof HTMLElement)) return "";
      const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : null;
      return element.getAttribute("aria-label") ?? label ?? element.textContent ?? "";
    });
    if (focused.trim() === name) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never reaches "${name}"`);
}
