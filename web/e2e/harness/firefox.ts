// Debian's Firefox ESR without a window, driven by WebDriver BiDi, with made-up camera and microphone.
import puppeteer, { type Page as FirefoxPage } from "puppeteer-core";
import { type Browser, type Page, type Place, VIEWPORT } from "./browser";
import { instrument } from "./instrument";

const PREFERENCES = {
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.autoplay.default": 0,
  "media.autoplay.blocking_policy": 0,
  // Nothing is fetched: no codec, no list, no update.
  "media.gmp-manager.updateEnabled": false,
  "media.gmp-provider.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "app.update.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "toolkit.telemetry.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "services.settings.server": "data:,#remote-settings-dummy/v1",
  "extensions.getAddons.cache.enabled": false,
  "intl.accept_languages": "en-GB",
};

/** Starts a browser whose microphone hears a tone of that many hertz. */
export async function startFirefox(toneHertz: number, place?: Place): Promise<Browser> {
  const program = process.env["FIREFOX_BIN"] ?? "/usr/bin/firefox-esr";
  const safe = place === undefined ? {} : { "dom.securecontext.allowlist": place.origin.hostname };
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: place?.wrap(program) ?? program,
    headless: true,
    defaultViewport: VIEWPORT,
    extraPrefsFirefox: { ...PREFERENCES, ...safe, "media.navigator.audio.fake_frequency": toneHertz },
    ...(place === undefined ? {} : { debuggingPort: await place.debuggingPort() }),
  });
  const pid = browser.process()?.pid;
  if (pid === undefined) throw new Error("a started browser has a process id");
  return {
    pid,
    newPage: async () => {
      const page = await browser.newPage();
      await page.evaluateOnNewDocument(instrument);
      return new Tab(page);
    },
    close: () => browser.close(),
  };
}

class Tab implements Page {
  readonly #page: FirefoxPage;

  constructor(page: FirefoxPage) {
    this.#page = page;
  }

  async open(url: string): Promise<void> {
    await this.#page.goto(url);
  }

  evaluate<Result, Argument>(run: (argument: Argument) => Result | Promise<Result>, argument: Argument) {
    // The library's own type of arguments cannot be named here; ours are plain data.
    return this.#page.evaluate(
      run as (argument: unknown) => Result | Promise<Result>,
      argument,
    ) as Promise<Result>;
  }

  async click(selector: string): Promise<void> {
    await this.#page.waitForSelector(selector, { visible: true });
    await this.#page.click(selector);
  }

  async fill(selector: string, text: string): Promise<void> {
    await this.#page.waitForSelector(selector, { visible: true });
    await this.#page.focus(selector);
    await this.#page.type(selector, text);
  }

  async resize(width: number, height: number): Promise<void> {
    await this.#page.setViewport({ width, height });
  }

  close(): Promise<void> {
    return this.#page.close({ runBeforeUnload: false });
  }
}
