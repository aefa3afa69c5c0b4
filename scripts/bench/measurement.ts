/** The rows of a benchmark, and how they become a table. @module */

/** One row of the table. */
export interface Row {
  what: string;
  /** Our value, as printed: `412 ms`. */
  measured: string;
  /** The value to compare with, as printed. */
  against: string;
  /** Ours divided by the other, if there is one. */
  ratio?: number;
  budget: string;
  /** Undefined if there is no budget, or if nothing was measured. */
  met?: boolean;
}

/** The median. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Milliseconds in a readable form. */
export function formatMs(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return ms >= 10 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;
}

/** Compares the medians of two series. @param limit the largest ratio within the budget. */
export function compare(
  what: string,
  series: { ours: number[]; other: number[]; otherName: string; limit: number },
): Row {
  const [ours, other] = [median(series.ours), median(series.other)];
  return {
    what,
    measured: formatMs(ours),
    against: `${series.otherName} ${formatMs(other)}`,
    ratio: ours / other,
    budget: `≤ ${series.limit} ×`,
    met: ours / other <= series.limit,
  };
}

/** A row for something that could not be measured here. */
export function makeSkippedRow(what: string, reason: string): Row {
  return { what, measured: "–", against: reason, budget: "–" };
}

/** The rows as a Markdown table, which is also readable on a terminal. */
export function formatTable(rows: Row[]): string {
  const verdict = (met: boolean | undefined) => met === undefined ? "–" : met ? "ok" : "MISS";
  const cells = [
    ["what", "measured", "against", "ratio", "budget", "verdict"],
    ...rows.map((r) => [r.what, r.measured, r.against, r.ratio?.toFixed(2) ?? "–", r.budget, verdict(r.met)]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(cells[0]!), rule, ...cells.slice(1).map(line)].join("\n");
}
