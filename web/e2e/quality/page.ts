// The table and the plots as one page that needs nothing else: no script, no font, no other host.
import type { Entry, Plot, Unit } from "./outcome";
import { escaped, plot } from "./plot";

export interface Told {
  readonly date: string;
  readonly cores: number;
  readonly entries: readonly Entry[];
}

const UNITS: readonly Unit[] = ["bit/s", "px", "1/s", "%", "ms"];
const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { border-bottom: 1px solid #ccc; padding: .25rem .5rem; text-align: start; vertical-align: top; }
  td:last-child { font-weight: bold; white-space: nowrap; }
  .met { color: #176b2c; } .missed { color: #a11; } .not-measured { color: #666; }
  svg { display: block; height: auto; margin: .5rem 0 1rem; width: 100%; }
`;

export function page({ date, cores, entries }: Told, plots: readonly Plot[]): string {
  const met = entries.filter(({ verdict }) => verdict === "met").length;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Quality</title><style>${STYLE}</style></head><body>
<h1>Quality</h1>
<p>${met} of ${entries.length} figures met; measured ${date.slice(0, 16).replace("T", " ")} UTC on ${cores} cores.</p>
<table><thead><tr><th>row</th><th>scenario</th><th>by</th><th>target</th><th>measured</th><th>verdict</th></tr></thead>
<tbody>${entries.map(line).join("\n")}</tbody></table>
${plots.map(section).join("\n")}
</body></html>
`;
}

function line({ row, scenario, means, target, measured, verdict }: Entry): string {
  const cells = [`${row}`, scenario, means, target, measured].map((cell) => `<td>${escaped(cell)}</td>`);
  return `<tr>${cells.join("")}<td class="${verdict.replace(" ", "-")}">${verdict}</td></tr>`;
}

function section({ row, title, series, marks }: Plot): string {
  const times = series.flatMap(({ points }) => points.map(({ at }) => at));
  const range = { first: Math.min(...times), last: Math.max(...times) };
  const plots = UNITS.map((unit) => plot(unit, range, series, marks)).join("\n");
  return `<h2>${row}: ${escaped(title)}</h2>${plots}`;
}
