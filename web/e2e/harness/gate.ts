// A door before the server's HTTP port that can be slammed: every connection through it is cut at once, and none
// gets in for a while. Media does not pass here, so what breaks is the signaling alone.
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export class Gate {
  readonly url: string;
  readonly #door: Server;
  readonly #open = new Set<Socket>();
  #isShut = false;

  private constructor(door: Server, port: number) {
    this.#door = door;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async before(url: string): Promise<Gate> {
    const behind = Number(new URL(url).port);
    const door = createServer();
    door.listen(0, "127.0.0.1");
    await once(door, "listening");
    const address = door.address();
    if (address === null || typeof address === "string") throw new Error("a TCP socket has a port");
    const gate = new Gate(door, address.port);
    door.on("connection", (client) => gate.#letIn(client, behind));
    return gate;
  }

  /** Cuts every connection and lets none in until the time is over. */
  async shutFor(ms: number): Promise<void> {
    this.#isShut = true;
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.#isShut = false;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#door.close();
    await once(this.#door, "close");
  }

  #letIn(client: Socket, behind: number): void {
    if (this.#isShut) return void client.destroy();
    const server = connect(behind, "127.0.0.1");
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#open.delete(socket);
        other.destroy();
      });
    }
    client.pipe(server);
    server.pipe(client);
  }
}
