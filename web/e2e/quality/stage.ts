// A server and people with lines of their own, for one scenario; everything is recorded, and everything ends.
import type { Browser, Page } from "../harness/browser";
import { LARGE_CAMERA, startChromium } from "../harness/chromium";
import { startFirefox } from "../harness/firefox";
import { Person } from "../harness/person";
import { eventually } from "../harness/poll";
import { mintToken } from "../harness/token";
import type { Picture } from "../harness/y4m";
import { Cable } from "./cable";
import { Estimates } from "./estimates";
import { Host } from "./host";
import type { Mark, Series } from "./outcome";
import { Recorder } from "./recorder";
import type { Snapshot } from "./snapshot";

/** Load tests number their rooms: this is the first of those that begin so. */
export const ROOM_PREFIX = "quality";
const ROOM = `${ROOM_PREFIX}-0`;
const PICTURE_DEADLINE_MS = 20_000;

export interface Wishes {
  readonly browser?: "chromium" | "firefox";
  /** Changes to a clean line, such as "both delay=25ms". */
  readonly line?: readonly string[];
  readonly camera?: Picture;
  /** Whose cable, and browser, they share. */
  readonly behind?: Participant;
}

export interface Participant {
  readonly name: string;
  readonly person: Person;
  readonly cable: Cable;
  readonly recorder: Recorder;
  readonly browser: Browser;
}

export class Stage {
  readonly host: Host;
  readonly estimates: Estimates;
  readonly #tell: (what: string) => void;
  readonly #people: Participant[] = [];
  readonly #cables: Cable[] = [];
  readonly #browsers: Browser[] = [];
  readonly #marks: Mark[] = [];

  private constructor(host: Host, tell: (what: string) => void) {
    this.host = host;
    this.estimates = new Estimates(host);
    this.#tell = tell;
  }

  /** Starts a server with these settings, plays, and ends it all, however that went. */
  static async play<T>(
    settings: Readonly<Record<string, string>>,
    tell: (what: string) => void,
    act: (stage: Stage) => Promise<T>,
  ): Promise<T> {
    const stage = new Stage(await Host.start(settings), tell);
    try {
      return await act(stage);
    } finally {
      await stage.#close();
    }
  }

  /** Somebody joins, with a browser and a line. */
  async join(name: string, wishes: Wishes = {}): Promise<Participant> {
    this.tell(`${name} joins`);
    const cable = wishes.behind?.cable ?? (await this.cable(wishes.line ?? []));
    const browser = wishes.behind?.browser ?? (await this.#browser(wishes, cable));
    const link = `${cable.origin}/r/${ROOM}#token=${mintToken(ROOM, name)}`;
    const person = await Person.follow(browser, link, name);
    const participant = { name, person, cable, recorder: new Recorder(name, person.page), browser };
    this.#people.push(participant);
    return participant;
  }

  /** An empty page behind a line of its own, for a client that is not ours. */
  async guest(camera: Picture): Promise<{ readonly page: Page; readonly origin: string }> {
    const cable = await this.cable([]);
    const browser = await this.#browser({ camera }, cable);
    return { page: await browser.newPage(), origin: cable.origin };
  }

  /** A further cable, for a client that is no browser. */
  async cable(changes: readonly string[]): Promise<Cable> {
    const cable = await Cable.lay(this.#cables.length + 1, this.host, changes);
    this.#cables.push(cable);
    return cable;
  }

  token(identity: string): string {
    return mintToken(ROOM, identity);
  }

  /** Lets time pass, and says so now and then. */
  async watch(what: string, seconds: number): Promise<void> {
    this.#marks.push({ at: performance.now(), label: what });
    this.tell(`${what}, ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  }

  mark(label: string): void {
    this.tell(label);
    this.#marks.push({ at: performance.now(), label });
  }

  tell(what: string): void {
    this.#tell(what);
  }

  /** Waits until a picture is received in at least that many lines. */
  async sees(viewer: Participant, shown: Participant | string, height: number): Promise<void> {
    const name = typeof shown === "string" ? shown : shown.name;
    await eventually(`${viewer.name} sees ${name} in ${height} lines`, PICTURE_DEADLINE_MS, async () => {
      const seen = (await viewer.person.video(name))?.height ?? 0;
      if (seen < height) throw new Error(`in ${seen}`);
      return true;
    });
  }

  now(participant: Participant): Promise<Snapshot> {
    return participant.recorder.take();
  }

  get series(): readonly Series[] {
    const people = this.#people.flatMap(({ recorder }) => recorder.series());
    const lines = this.#cables.flatMap((cable) => cable.line.series(this.#nameOf(cable)));
    return [this.estimates.series(), ...people, ...lines].filter(({ points }) =>
      points.some(({ value }) => value > 0),
    );
  }

  get marks(): readonly Mark[] {
    return this.#marks;
  }

  async #browser({ browser, camera }: Wishes, { namespace }: Cable): Promise<Browser> {
    const hertz = 800 + 200 * this.#browsers.length;
    const started = await (browser === "firefox"
      ? startFirefox(hertz, namespace)
      : startChromium(hertz, camera ?? LARGE_CAMERA, namespace));
    this.#browsers.push(started);
    return started;
  }

  #nameOf(cable: Cable): string {
    const names = this.#people.filter((one) => one.cable === cable).map(({ name }) => name);
    return names.join(" and ") || `cable ${cable.namespace.number}`;
  }

  async #close(): Promise<void> {
    this.estimates.stop();
    for (const { recorder } of this.#people) recorder.stop();
    await Promise.allSettled(this.#browsers.map((browser) => browser.close()));
    await Promise.allSettled(this.#cables.map((cable) => cable.close()));
    await this.host.stop();
  }
}
