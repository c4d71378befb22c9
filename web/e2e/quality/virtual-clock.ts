// Rows that are judged on the virtual clock: the tests of the server that are named after a row.
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import type { Entry } from "./outcome";

const ROOT = resolve(import.meta.dirname, "../../..");
/** What a test prints for each figure; CONTRIBUTING.md says the same. */
const FIGURE = /^quality row=(\d+) target="([^"]*)" measured="([^"]*)"$/;
const RESULT = /^test (\S+) \.\.\. (ok|FAILED)$/;
const OUTPUT = /^---- (\S+) std(?:out|err) ----$/;
const ROW = /(?:^|_|:)row_(\d+)(?:_|$)/;

export async function virtualRows(
  rows: readonly number[],
  tell: (what: string) => void,
): Promise<readonly Entry[]> {
  tell("virtual clock: the tests of the server that are named after a row");
  const output = await cargo();
  const entries = entriesOf(output).filter(({ row }) => rows.includes(row));
  if (!output.some((line) => line.startsWith("test result:"))) {
    tell(output.slice(-20).join("\n"));
    throw new Error("the tests of the server did not run");
  }
  return entries;
}

/** A test passes or fails as a whole, and so do its figures. */
export function entriesOf(output: readonly string[]): readonly Entry[] {
  const passed = new Map<string, boolean>();
  const figures = new Map<string, Entry[]>();
  let test = "";
  for (const line of output) {
    const result = RESULT.exec(line);
    if (result !== null) passed.set(result[1] as string, result[2] === "ok");
    test = OUTPUT.exec(line)?.[1] ?? test;
    const [, row, target = "", measured = ""] = FIGURE.exec(line.trim()) ?? [];
    if (row === undefined) continue;
    const known = figures.get(test) ?? [];
    // A failing test's output is printed twice.
    if (known.some((one) => one.target === target && one.measured === measured)) continue;
    const entry = {
      row: Number(row),
      scenario: sentence(test),
      means: "virtual clock",
      target,
      measured,
    } as const;
    figures.set(test, [...known, { ...entry, verdict: passed.get(test) ? "met" : "missed" }]);
  }
  const silent = [...passed.keys()].filter((name) => !figures.has(name)).map(silentTest);
  return [...[...figures.values()].flat(), ...silent];
}

/** Its name has a row, so it has to say what it measured. */
function silentTest(name: string): Entry {
  const told = { target: "a line that begins with quality", measured: "printed none" } as const;
  const row = Number(ROW.exec(name)?.[1] ?? 0);
  return { row, scenario: sentence(name), means: "virtual clock", ...told, verdict: "not measured" };
}

function sentence(name: string): string {
  const last = name.split("::").at(-1) ?? name;
  return last.replace(/(?:^|_)row_\d+_/, "").replaceAll("_", " ");
}

function cargo(): Promise<readonly string[]> {
  // The same targets as `make test` builds, so that nothing is compiled twice.
  const args = [
    "test",
    "--locked",
    "--offline",
    "--workspace",
    "--lib",
    "--bins",
    "--tests",
    "--no-fail-fast",
    "row_",
  ];
  const child = spawn("cargo", [...args, "--", "--show-output"], {
    cwd: ROOT,
    env: { ...process.env, CARGO_TERM_COLOR: "never" },
  });
  const parts: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => parts.push(part));
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", () => done(Buffer.concat(parts).toString("utf8").split("\n")));
  });
}
