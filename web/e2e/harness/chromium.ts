// Debian's Chromium without a window, with a camera and a microphone that are not there.
import { type Browser as Chromium, type Page as ChromiumPage, chromium } from "playwright-core";
import { type Browser, type Page, type Place, VIEWPORT } from "./browser";
import { instrument } from "./instrument";
import { toneFile } from "./wav";
import { type Picture, pictureFile } from "./y4m";

const ARGUMENTS = [
  "--use-fake-device-for-media-stream=fps=15",
  // Grants devices and picks a made-up screen to share.
  "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  "--allow-loopback-in-peer-connection",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  "--disable-features=WebRtcHideLocalIpsWithMdns,MediaRouter,OptimizationHints,Translate",
];

/** Two encodings instead of three, at a quarter of the work: what most stories tell does not depend on it. */
const SMALL_CAMERA = { width: 640, height: 360 } as const;
export const LARGE_CAMERA = { width: 1280, height: 720 } as const;

/** Starts a browser whose microphone hears a tone of that many hertz. */
export async function startChromium(
  toneHertz: number,
  camera: Picture = SMALL_CAMERA,
  place?: Place,
): Promise<Browser> {
  const server = await chromium.launchServer(
    options(
      [
        `--use-file-for-fake-audio-capture=${toneFile(toneHertz)}`,
        `--use-file-for-fake-video-capture=${pictureFile(camera)}`,
      ],
      place,
    ),
  );
  const browser = await chromium.connect(server.wsEndpoint());
  const { pid } = server.process();
  if (pid === undefined) throw new Error("a started browser has a process id");
  return {
    pid,
    newPage: async () => {
      const context = await browser.newContext({ viewport: VIEWPORT, locale: "en-GB" });
      const page = await context.newPage();
      await page.addInitScript(instrument);
      return new Tab(page);
    },
    close: () => server.kill(),
  };
}

/** The same browser with all that its own library can do, to look at screens rather than at media. */
export function startBareChromium(): Promise<Chromium> {
  return chromium.launch(options([]));
}

function options(more: readonly string[], place?: Place) {
  const program = process.env["CHROMIUM_BIN"] ?? "/usr/bin/chromium";
  const safe =
    place === undefined ? [] : [`--unsafely-treat-insecure-origin-as-secure=${place.origin.origin}`];
  return {
    executablePath: place?.wrap(program) ?? program,
    headless: true,
    chromiumSandbox: false,
    args: [...ARGUMENTS, ...more, ...safe],
  };
}

class Tab implements Page {
  readonly #page: ChromiumPage;

  constructor(page: ChromiumPage) {
    this.#page = page;
  }

  async open(url: string): Promise<void> {
    await this.#page.goto(url);
  }

  evaluate<Result, Argument>(run: (argument: Argument) => Result | Promise<Result>, argument: Argument) {
    // The library's own type of arguments cannot be named here; ours are plain data.
    return this.#page.evaluate(run as (argument: unknown) => Result | Promise<Result>, argument);
  }

  click(selector: string): Promise<void> {
    return this.#page.click(selector);
  }

  fill(selector: string, text: string): Promise<void> {
    return this.#page.fill(selector, text);
  }

  resize(width: number, height: number): Promise<void> {
    return this.#page.setViewportSize({ width, height });
  }

  close(): Promise<void> {
    return this.#page.close({ runBeforeUnload: false });
  }
}
