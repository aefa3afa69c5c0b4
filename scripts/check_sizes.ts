/**
 * Holds the files of the program to a size that is read at once, and prints how large they are.
 * @module
 */
import { isOutsideProgram, listFiles, ROOT } from "./tree.ts";

/** Lines: of any file, of the middle one, and of nine in ten. */
const MOST = { any: 400, median: 90, p90: 220 };

/** The value that so many of the sorted values do not exceed. @param part between 0 and 1. */
const quantile = (sorted: readonly number[], part: number) => sorted[Math.floor(sorted.length * part)] ?? 0;

/** What is too large, one line each, and the figures. @param files lines of each file of the program. */
export function checkSizes(files: ReadonlyMap<string, number>): { found: string[]; figures: string } {
  const sorted = [...files.values()].sort((a, b) => a - b);
  const [median, p90] = [quantile(sorted, 0.5), quantile(sorted, 0.9)];
  const found = [...files].filter(([, lines]) => lines > MOST.any)
    .map(([path, lines]) => `${path}: ${lines} lines, at most ${MOST.any}: two files that have not met yet`);
  if (median > MOST.median) found.push(`the median is ${median} lines, at most ${MOST.median}`);
  if (p90 > MOST.p90) found.push(`nine files in ten have up to ${p90} lines, at most ${MOST.p90}`);
  return { found, figures: `${files.size} files, median ${median}, p90 ${p90} lines` };
}

if (import.meta.main) {
  const files = new Map<string, number>();
  for (const path of (await listFiles(ROOT)).filter((path) => !isOutsideProgram(path))) {
    files.set(path, (await Deno.readTextFile(`${ROOT}/${path}`)).split("\n").length - 1);
  }
  const { found, figures } = checkSizes(files);
  console.log(figures);
  for (const line of found) console.error(line);
  Deno.exit(found.length === 0 ? 0 : 1);
}
