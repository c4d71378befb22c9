// What lies between one household and the server: a network of its own, a line for its media, and a way for
// its signaling that can be cut.
import { Forwarder } from "./forwarder";
import { type Host, HTTP_PORT, MEDIA_PORT } from "./host";
import { Line } from "./line";
import { Namespace } from "./namespace";

export class Cable {
  readonly namespace: Namespace;
  readonly line: Line;
  readonly signaling: Forwarder;

  private constructor(namespace: Namespace, line: Line, signaling: Forwarder) {
    this.namespace = namespace;
    this.line = line;
    this.signaling = signaling;
  }

  static async lay(number: number, host: Host, changes: readonly string[]): Promise<Cable> {
    const namespace = await Namespace.open(number);
    const { gateway } = namespace;
    const line = await Line.open(`${gateway}:${MEDIA_PORT}`, host.mediaAddress, changes, number);
    const signaling = await Forwarder.open(gateway, HTTP_PORT, "127.0.0.1", HTTP_PORT);
    return new Cable(namespace, line, signaling);
  }

  /** What the pages are called there. */
  get origin(): string {
    return this.namespace.origin.origin;
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.signaling.close(), this.line.close()]);
    await this.namespace.close();
  }
}
