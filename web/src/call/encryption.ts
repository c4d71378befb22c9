// Encrypts one call from end to end: pictures, sound and chat, in a worker, with the key of the link.
import { ExternalE2EEKeyProvider, isE2EESupported, type Room, type RoomOptions } from "livekit-client";
import EncryptionWorker from "livekit-client/e2ee-worker?worker";
import type { MeetingKey } from "./meeting-key";

export class Encryption {
  readonly #keys = new ExternalE2EEKeyProvider();
  readonly #worker = new EncryptionWorker();

  /** Without TLS, browsers keep their cryptography back. */
  static isSupported(): boolean {
    return isE2EESupported() && globalThis.crypto?.subtle !== undefined;
  }

  options(): Pick<RoomOptions, "encryption"> {
    return { encryption: { keyProvider: this.#keys, worker: this.#worker } };
  }

  /** Must be done before the room is connected, so that nothing ever leaves unencrypted. */
  async begin(live: Room, key: MeetingKey): Promise<void> {
    await this.#keys.setKey(key);
    await live.setE2EEEnabled(true);
  }

  close(): void {
    this.#worker.terminate();
  }
}

/** Whether media could not be read because it was encrypted with another key; the worker tells it in words. */
export function isOfOtherKey(error: Error): boolean {
  return error.message.startsWith("InvalidKey") || error.message.startsWith("MissingKey");
}
