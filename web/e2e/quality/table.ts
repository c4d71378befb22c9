// The table as text.
import type { Entry } from "./outcome";

const HEADS = ["row", "scenario", "by", "target", "measured", "verdict"] as const;

export function table(entries: readonly Entry[]): string {
  const lines = [HEADS, ...entries.map(cells)];
  const widths = HEADS.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  const text = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [text[0], rule, ...text.slice(1)].map((line) => line?.trimEnd()).join("\n");
}

function cells({ row, scenario, means, target, measured, verdict }: Entry): readonly string[] {
  return [`${row}`, scenario, means, target, measured, verdict];
}
