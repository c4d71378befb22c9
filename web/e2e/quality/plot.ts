// Series of one unit over time, as an SVG drawing.
import type { Mark, Series, Unit } from "./outcome";

const WIDTH = 1000;
const HEIGHT = 220;
const LEFT = 70;
const BOTTOM = 24;
const TOP = 16;
/** Told apart by those who see few colours; after the last they begin anew, dashed. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7a6a00", "#56b4e9", "#000"] as const;
const LEGEND_LINE = 16;
const LEGEND_COLUMNS = 3;

/** In milliseconds: the plots of a play share their time axis. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** Nothing if no series has this unit. */
export function plot(
  unit: Unit,
  { first, last }: Range,
  all: readonly Series[],
  marks: readonly Mark[],
): string {
  const series = all.filter((one) => one.unit === unit && one.points.length > 1);
  if (series.length === 0) return "";
  const top = Math.max(1, ...series.flatMap(({ points }) => points.map(({ value }) => value)));
  const x = (at: number) => LEFT + ((at - first) / Math.max(1, last - first)) * (WIDTH - LEFT);
  const y = (value: number) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - TOP);
  const legendHeight = LEGEND_LINE * Math.ceil(series.length / LEGEND_COLUMNS) + 8;
  const parts = [
    ...[0, 0.5, 1].map((share) => grid(y(top * share), shortened(top * share, unit))),
    ...ticks(last - first).map((ms) => tick(x(first + ms), `${Math.round(ms / 1000)} s`)),
    ...marks.filter(({ at }) => at >= first && at <= last).map(({ at, label }) => mark(x(at), label)),
    ...series.map(({ points }, index) => {
      const path = points.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
      return `<polyline fill="none" stroke-width="1.5" ${stroke(index)} points="${path}"/>`;
    }),
    ...series.map(({ name }, index) => legend(name, index)),
  ];
  const box = `0 0 ${WIDTH} ${HEIGHT + legendHeight}`;
  return `<svg viewBox="${box}" role="img" aria-label="${unit}" font-size="11">${parts.join("")}</svg>`;
}

function grid(y: number, label: string): string {
  const text = `<text x="${LEFT - 6}" y="${y + 4}" text-anchor="end">${label}</text>`;
  return `<line x1="${LEFT}" x2="${WIDTH}" y1="${y}" y2="${y}" stroke="#ddd"/>${text}`;
}

function tick(x: number, label: string): string {
  return `<text x="${x}" y="${HEIGHT - 6}" text-anchor="middle">${label}</text>`;
}

function mark(x: number, label: string): string {
  const line = `<line x1="${x}" x2="${x}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="#999" stroke-dasharray="3 3"/>`;
  return `${line}<text x="${x + 3}" y="${TOP - 4}" fill="#555">${escaped(label)}</text>`;
}

function legend(name: string, index: number): string {
  const x = LEFT + (index % LEGEND_COLUMNS) * ((WIDTH - LEFT) / LEGEND_COLUMNS);
  const y = HEIGHT + 6 + LEGEND_LINE * Math.floor(index / LEGEND_COLUMNS);
  const line = `<line x1="${x}" x2="${x + 18}" y1="${y}" y2="${y}" stroke-width="3" ${stroke(index)}/>`;
  return `${line}<text x="${x + 24}" y="${y + 4}">${escaped(name)}</text>`;
}

function stroke(index: number): string {
  const dash = index < COLOURS.length ? "" : ' stroke-dasharray="5 3"';
  return `stroke="${COLOURS[index % COLOURS.length]}"${dash}`;
}

/** About six moments, in milliseconds. */
function ticks(length: number): readonly number[] {
  const step = [5, 10, 20, 30, 60, 120].find((seconds) => length / seconds / 1000 <= 7) ?? 300;
  return Array.from({ length: Math.floor(length / step / 1000) + 1 }, (_, index) => index * step * 1000);
}

function shortened(value: number, unit: Unit): string {
  if (unit === "bit/s") return `${(value / 1e6).toFixed(1)} Mbit/s`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
