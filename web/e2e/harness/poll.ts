// Waits for something to become true, up to a deadline, and then says what it last saw.

/** Often enough to measure a second well, seldom enough to leave the cores to the browsers. */
const INTERVAL_MS = 100;

/**
 * Waits that only keep a story from hanging are this much longer than on a machine of one's own: shared
 * ones lose half of their time to others. Limits of the product are measured and compared instead.
 */
const PATIENCE = 4;

/** Gives the first value that is neither false, null nor undefined. */
export async function eventually<T>(
  what: string,
  deadlineMs: number,
  look: () => Promise<T | false | null | undefined>,
): Promise<T> {
  const end = performance.now() + deadlineMs * PATIENCE;
  let last: unknown;
  do {
    try {
      const seen = await look();
      if (seen !== false && seen !== null && seen !== undefined) return seen;
      last = seen;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  } while (performance.now() < end);
  throw new Error(`not within ${deadlineMs * PATIENCE} ms: ${what}; last: ${String(last)}`, { cause: last });
}

/** How many milliseconds it took until `look` was true. */
export async function timeUntil(
  what: string,
  deadlineMs: number,
  look: () => Promise<boolean>,
): Promise<number> {
  const start = performance.now();
  await eventually(what, deadlineMs, look);
  return performance.now() - start;
}
