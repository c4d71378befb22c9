// The server of a scenario, and what it counts. Its media port is reached through lines alone.
import { binary } from "../harness/binaries";
import { Program } from "../harness/program";
import { command } from "./command";

export const HTTP_PORT = 7880;
export const MEDIA_PORT = 7882;
const START_DEADLINE_MS = 20_000;
/** Of the server itself; clients know only the ends of their cables. */
const ADDRESS = "10.77.0.1";
/** More than any scenario has. */
const CABLES_MAX = 8;

export class Host {
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  /** Each setting as in the environment, such as SAAL_MEDIA_CONGESTION_CONTROL. */
  static async start(settings: Readonly<Record<string, string>>): Promise<Host> {
    // Again is no harm: the address stays from scenario to scenario.
    await command(`ip addr replace ${ADDRESS}/32 dev lo`);
    const ends = Array.from({ length: CABLES_MAX }, (_, index) => `10.77.${index + 1}.1`);
    const program = new Program(binary("saal"), ["serve", "--dev"], {
      SAAL_HTTP_PORT: `${HTTP_PORT}`,
      SAAL_MEDIA_UDP_PORT: `${MEDIA_PORT}`,
      SAAL_MEDIA_BIND: ADDRESS,
      SAAL_MEDIA_ADVERTISE: ends.join(","),
      SAAL_MEDIA_INCLUDE_LOOPBACK: "false",
      ...settings,
    });
    const host = new Host(program);
    try {
      await program.waitUntil("is ready", START_DEADLINE_MS, async () => (await host.#get("/readyz")).ok);
    } catch (error) {
      await program.stop();
      throw error;
    }
    return host;
  }

  get mediaAddress(): string {
    return `${ADDRESS}:${MEDIA_PORT}`;
  }

  /** A value of /metrics, added up over all workers and labels; zero if it is not there. */
  async metric(name: string): Promise<number> {
    const text = await (await this.#get("/metrics")).text();
    const lines = text.split("\n").filter((line) => line.startsWith(`saal_media_${name}{`));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  get log(): readonly string[] {
    return this.#program.output;
  }

  async stop(): Promise<void> {
    await this.#program.stop();
    if (process.env["E2E_LOG"] !== undefined) process.stderr.write(`${this.log.join("\n")}\n`);
  }

  #get(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${HTTP_PORT}${path}`);
  }
}
