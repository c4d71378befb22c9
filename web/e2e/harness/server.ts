// The real server in trial mode, on ports of its own, for one story.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { binary } from "./binaries";
import { Program } from "./program";
import { mintToken } from "./token";

const START_DEADLINE_MS = 20_000;

export class Server {
  readonly url: string;
  readonly #program: Program;

  private constructor(url: string, program: Program) {
    this.url = url;
    this.#program = program;
  }

  static async start(): Promise<Server> {
    const [http, udp] = await Promise.all([freeTcpPort(), freeUdpPort()]);
    const program = new Program(binary("saal"), ["serve", "--dev"], {
      SAAL_HTTP_PORT: `${http}`,
      SAAL_MEDIA_UDP_PORT: `${udp}`,
      RUST_LOG: process.env["RUST_LOG"] ?? "info",
    });
    const url = `http://127.0.0.1:${http}`;
    try {
      await program.waitUntil("is ready", START_DEADLINE_MS, async () => (await fetch(`${url}/readyz`)).ok);
    } catch (error) {
      await program.stop();
      throw error;
    }
    return new Server(url, program);
  }

  get webSocketUrl(): string {
    return this.url.replace(/^http/, "ws");
  }

  get log(): readonly string[] {
    return this.#program.output;
  }

  /** The personal link of somebody, as an invitation has it. */
  link(room: string, identity: string): string {
    return `${this.url}/r/${encodeURIComponent(room)}#token=${mintToken(room, identity)}`;
  }

  async stop(): Promise<void> {
    await this.#program.stop();
    if (process.env["E2E_LOG"] !== undefined) process.stderr.write(`${this.log.join("\n")}\n`);
  }
}

async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a TCP socket has a port");
  return address.port;
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4").bind(0);
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}
