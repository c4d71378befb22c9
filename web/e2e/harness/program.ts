// A program that a story starts: its output line by line, and an end that is sure to come.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { eventually } from "./poll";

/** Enough to see why a program failed; more would bury it. */
const LINES_MAX = 400;
const STOP_DEADLINE_MS = 5_000;

export class Program {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #name: string;
  #listener: (line: string) => void = () => {};

  constructor(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#name = command.split("/").at(-1) ?? command;
    this.#child = spawn(command, args, {
      env: { ...process.env, ...environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", (line) => this.#keep(line));
    }
    // A program that cannot start tells it here; whoever waits for it sees that it is over.
    this.#child.on("error", (error) => this.#keep(String(error)));
    // One that ended takes no more words.
    this.#child.stdin?.on("error", (error) => this.#keep(String(error)));
  }

  get isOver(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  get output(): readonly string[] {
    return this.#lines;
  }

  /** Hears each further line, also those that are too many to keep. */
  onLine(listener: (line: string) => void): void {
    this.#listener = listener;
  }

  write(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Fails with the program's last words when it ends instead. */
  async waitUntil(what: string, deadlineMs: number, look: () => Promise<boolean>): Promise<void> {
    await eventually(`${this.#name} ${what}`, deadlineMs, async () => this.isOver || (await look())).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}\n${this.#tail()}`);
      },
    );
    if (this.isOver && !(await look())) throw new Error(`${this.#name} ended early\n${this.#tail()}`);
  }

  async stop(): Promise<void> {
    if (this.isOver) return;
    this.#child.kill("SIGTERM");
    await eventually("end", STOP_DEADLINE_MS, async () => this.isOver).catch(() =>
      this.#child.kill("SIGKILL"),
    );
  }

  #keep(line: string): void {
    this.#listener(line);
    this.#lines.push(line);
    if (this.#lines.length > LINES_MAX) this.#lines.shift();
  }

  #tail(): string {
    return this.#lines.slice(-40).join("\n");
  }
}
