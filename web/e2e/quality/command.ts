// Short commands of the system, which succeed or say why not.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
/** They change a table of the kernel; longer means that something hangs. */
const DEADLINE_MS = 10_000;

/** Runs the words as one command. */
export async function command(line: string): Promise<void> {
  const [program, ...args] = line.split(" ");
  await run(program as string, args, { timeout: DEADLINE_MS });
}
