// Passes TCP connections on, and cuts them when told to: what the signaling of one client runs through.
import { connect, createServer, type Server, type Socket } from "node:net";

export class Forwarder {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #isCut = false;

  private constructor(port: number, host: string) {
    this.#server = createServer((near) => this.#pass(near, connect(port, host)));
  }

  static async open(address: string, port: number, toHost: string, toPort: number): Promise<Forwarder> {
    const forwarder = new Forwarder(toPort, toHost);
    await new Promise<void>((listening, failed) => {
      forwarder.#server.once("error", failed).listen(port, address, listening);
    });
    return forwarder;
  }

  /** Breaks every connection, and every new one until it is over. */
  async cut(milliseconds: number): Promise<void> {
    this.#isCut = true;
    for (const socket of this.#open) socket.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    this.#isCut = false;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((closed) => this.#server.close(closed));
  }

  #pass(near: Socket, far: Socket): void {
    for (const socket of [near, far]) {
      this.#open.add(socket);
      socket.on("close", () => this.#open.delete(socket));
    }
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
    if (this.#isCut) near.resetAndDestroy();
    else near.pipe(far).pipe(near);
  }
}
