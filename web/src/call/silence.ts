// Decides from what arrives, look by look, whether the line is dead. Knows nothing of connections: see `line-watch`.

/** Four looks a second: a dead line is found out well before a sentence is lost, at next to no cost. */
export const LOOK_MS = 250;
/** Two seconds in which something came at every look: only then does silence mean anything. */
const STEADY_LOOKS = 8;
/** One second. The server answers what is sent at least that often, on lines with a second of delay too. */
const SILENT_LOOKS = 4;
/** A line that stays dead is not helped by asking more often; the client's own retries take as long. */
const REST_LOOKS = 60;

export class Silence {
  #bytes = 0;
  #steady = 0;
  #silent = 0;
  #rest = 0;

  /** True once, when all that arrived until now has stopped although the person sends. */
  isDeadAfter(bytes: number, isSending: boolean): boolean {
    const hasArrived = bytes !== this.#bytes;
    this.#bytes = bytes;
    this.#rest = Math.max(0, this.#rest - 1);
    if (hasArrived || !isSending) {
      this.#steady = isSending && this.#silent === 0 ? this.#steady + 1 : 0;
      this.#silent = 0;
      return false;
    }
    if (this.#steady < STEADY_LOOKS) return this.#forget();
    this.#silent += 1;
    if (this.#silent < SILENT_LOOKS || this.#rest > 0) return false;
    this.#rest = REST_LOOKS;
    this.#forget();
    return true;
  }

  #forget(): false {
    this.#steady = 0;
    this.#silent = 0;
    return false;
  }
}
