// Where the programs are that the stories start: from the environment, else where cargo puts them.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../../..");

export function binary(name: "saal" | "loadtest"): string {
  const folder =
    process.env["E2E_BINARIES"] ?? join(process.env["CARGO_TARGET_DIR"] ?? join(ROOT, "target"), "debug");
  return found(join(folder, name), `cargo build --bin ${name}`);
}

/** The Python that has the `livekit` package. */
export function python(): string {
  return process.env["E2E_PYTHON"] ?? found(join(ROOT, ".venv/bin/python"), "make setup");
}

function found(path: string, remedy: string): string {
  if (!existsSync(path)) throw new Error(`${path} is missing: run \`${remedy}\` first`);
  return path;
}
