/** What a benchmark hands back, and how numbers become a table. @module */

/** One row of the table. */
export interface Row {
  what: string;
  /** Ours, as printed: `412 ms`. */
  measured: string;
  /** What it is measured against, as printed. */
  against: string;
  /** Ours divided by the other, where there is one. */
  ratio?: number;
  budget: string;
  /** Undefined where there is no budget or it was not measured. */
  met?: boolean;
}

/** The middle value; the mean of the two middle ones for an even count. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Milliseconds, as a person reads them. */
export function formatMs(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return ms >= 10 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;
}

/** A row that compares two series by their medians. @param limit the ratio that the budget allows. */
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

/** A row for what could not be measured here. */
export function makeSkippedRow(what: string, reason: string): Row {
  return { what, measured: "–", against: reason, budget: "–" };
}

/** The rows as a Markdown table, which reads as well on a terminal. */
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
