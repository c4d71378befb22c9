// A network of its own for one client: one cable to where the server is, and nothing else. It ends with the
// process that holds it, and that one ends with us.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Place } from "../harness/browser";
import { eventually } from "../harness/poll";
import { Program } from "../harness/program";
import { command } from "./command";
import { Forwarder } from "./forwarder";
import { HTTP_PORT } from "./host";

const START_DEADLINE_MS = 5_000;

export class Namespace implements Place {
  readonly number: number;
  readonly #holder: ChildProcess;
  readonly #ending: (() => Promise<void>)[] = [];
  #address = 2;

  private constructor(number: number, holder: ChildProcess) {
    this.number = number;
    this.#holder = holder;
  }

  /** Lays the cable. The number, 1 to 250, is a part of the addresses. */
  static async open(number: number): Promise<Namespace> {
    const holder = spawn("unshare", ["--net", "cat"], { stdio: ["pipe", "ignore", "inherit"] });
    const own = readlinkSync("/proc/self/ns/net");
    await eventually("a namespace", START_DEADLINE_MS, async () => {
      return readlinkSync(`/proc/${holder.pid}/ns/net`) !== own;
    });
    const namespace = new Namespace(number, holder);
    const cable = `saal${number}`;
    await command(`ip link add ${cable} type veth peer name eth0 netns ${holder.pid}`);
    await command(`ip addr add ${namespace.gateway}/24 dev ${cable}`);
    await command(`ip link set ${cable} up`);
    await namespace.command("ip link set lo up");
    await namespace.command("ip link set eth0 up");
    await namespace.command(`ip addr add ${namespace.address}/24 dev eth0`);
    for (const route of namespace.#routes()) await namespace.command(`ip route replace ${route}`);
    return namespace;
  }

  /** The server's end of the cable: what clients there know as the server. */
  get gateway(): string {
    return `10.77.${this.number}.1`;
  }

  get address(): string {
    return `10.77.${this.number}.${this.#address}`;
  }

  get origin(): URL {
    return new URL(`http://${this.gateway}:${HTTP_PORT}`);
  }

  /** Runs the words as one command there. */
  command(line: string): Promise<void> {
    return command(`nsenter --target ${this.#holder.pid} --net ${line}`);
  }

  /**
   * The client gets a new address, and the old one is gone, as from Wi-Fi to mobile: all at once, because a
   * command after the other takes longer than what is measured.
   */
  async changeAddress(): Promise<void> {
    const old = this.address;
    this.#address += 1;
    const changes = [
      `addr add ${this.address}/24 dev eth0`,
      `addr del ${old}/24 dev eth0`,
      // Where an address goes with those that were added after it.
      `addr replace ${this.address}/24 dev eth0`,
      // The routes through the gateway went with the first address.
      ...this.#routes().map((route) => `route replace ${route}`),
    ];
    const batch = join(mkdtempSync(join(tmpdir(), "saal-quality-")), "batch");
    writeFileSync(batch, `${changes.join("\n")}\n`);
    await this.command(`ip -batch ${batch}`);
  }

  wrap(program: string): string {
    const path = join(mkdtempSync(join(tmpdir(), "saal-quality-")), basename(program));
    const there = `nsenter --target ${this.#holder.pid} --net`;
    writeFileSync(path, `#!/bin/sh\nexec ${there} ${program} "$@"\n`, { mode: 0o700 });
    return path;
  }

  /** Starts a program there. */
  start(program: string, args: readonly string[]): Program {
    return new Program("nsenter", ["--target", `${this.#holder.pid}`, "--net", program, ...args]);
  }

  async debuggingPort(): Promise<number> {
    const port = await freePort();
    const script = join(import.meta.dirname, "forward.mjs");
    const there = this.start(process.execPath, [script, this.address, `${port}`]);
    const here = await Forwarder.open("127.0.0.1", port, this.address, port);
    this.#ending.push(
      () => here.close(),
      () => there.stop(),
    );
    return port;
  }

  async close(): Promise<void> {
    for (const end of this.#ending) await end();
    this.#holder.stdin?.end();
    await command(`ip link del saal${this.number}`);
  }

  #routes(): readonly string[] {
    return [
      // Firefox looks for addresses only where there is a way to everywhere.
      `default via ${this.gateway}`,
      // The ends of other cables are addresses of the same machine; each client has one line alone.
      "unreachable 10.77.0.0/16",
    ];
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("a TCP socket has a port");
  return address.port;
}
