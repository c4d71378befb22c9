// `make quality`: plays the rows, prints one table, and writes it as JSON and as a page with plots.
// ROWS="1 4" in the environment plays those rows alone.
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { command } from "./command";
import type { Entry, Figure, Plot } from "./outcome";
import { page } from "./page";
import { burstBothWays } from "./rows/burst-both-ways";
import { continuity } from "./rows/continuity";
import { crowdedLine } from "./rows/crowded-line";
import { downlinkLoss } from "./rows/downlink-loss";
import { layerSwitches } from "./rows/layer-switches";
import { narrowDownlink } from "./rows/narrow-downlink";
import { sharedLink } from "./rows/shared-link";
import { spatialLayers } from "./rows/spatial-layers";
import { uplinkLoss } from "./rows/uplink-loss";
import type { Scenario } from "./scenario";
import { table } from "./table";
import { virtualRows } from "./virtual-clock";

const SCENARIOS: readonly Scenario[] = [
  uplinkLoss,
  downlinkLoss,
  burstBothWays,
  narrowDownlink,
  crowdedLine,
  sharedLink,
  layerSwitches,
  continuity,
  spatialLayers,
];
const ROWS_MAX = 12;
const FOLDER = resolve(import.meta.dirname, "../../../target/quality");

/** Gives the exit code: 0 if every row is met. */
export async function main(): Promise<number> {
  const rows = wantedRows();
  await command("ip link set lo up");
  const entries: Entry[] = [];
  const plots: Plot[] = [];
  for (const scenario of SCENARIOS.filter(({ row }) => rows.includes(row))) {
    await play(scenario, entries, plots);
  }
  if (process.env["VIRTUAL"] !== "no") entries.push(...(await virtualRows(rows, tell)));
  const sorted = entries.toSorted((one, other) => one.row - other.row);
  process.stdout.write(`${table(sorted)}\n`);
  const told = { date: new Date().toISOString(), cores: cpus().length, entries: sorted };
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, "quality.json"), `${JSON.stringify({ ...told, plots }, null, 1)}\n`);
  writeFileSync(join(FOLDER, "quality.html"), page(told, plots));
  tell(`more in ${join(FOLDER, "quality.html")} and quality.json beside it`);
  return sorted.length > 0 && sorted.every(({ verdict }) => verdict === "met") ? 0 : 1;
}

async function play(scenario: Scenario, entries: Entry[], plots: Plot[]): Promise<void> {
  const { row, title } = scenario;
  const start = performance.now();
  const report = (what: string) =>
    tell(`row ${row} +${((performance.now() - start) / 1000).toFixed(0)} s: ${what}`);
  report(title);
  for (const one of scenario.plays) {
    try {
      const { play, figures, series, marks } = await one(report);
      entries.push(...figures.map((figure) => entry(scenario, figure)));
      plots.push({ row, title: play === "" ? title : `${title} (${play})`, series, marks });
    } catch (error) {
      tell(String(error instanceof Error ? error.stack : error));
      const measured = String(error).split("\n")[0] ?? "";
      const verdict = "not measured";
      entries.push({
        row,
        scenario: title,
        means: "real clients",
        target: "to be played",
        measured,
        verdict,
      });
    }
  }
}

function entry({ row }: Scenario, { what, target, measured, isMet }: Figure): Entry {
  const verdict = isMet ? "met" : "missed";
  return { row, scenario: what, means: "real clients", target, measured, verdict };
}

function wantedRows(): readonly number[] {
  const words = (process.env["ROWS"] ?? "").split(/[\s,]+/).filter((word) => word !== "");
  if (words.length === 0) return Array.from({ length: ROWS_MAX }, (_, index) => index + 1);
  const rows = words.map(Number);
  const wrong = words.find((_, index) => !(Number(rows[index]) >= 1 && Number(rows[index]) <= ROWS_MAX));
  if (wrong !== undefined) throw new Error(`ROWS="${wrong}": rows are 1 to ${ROWS_MAX}`);
  return rows;
}

/** Progress goes beside the table. */
function tell(what: string): void {
  process.stderr.write(`${what}\n`);
}
