/**
 * Measures how much of the program the fast tests run: one line with the share of lines and branches in the
 * product files that a test loads. Code that needs root, Docker or a whole daemon is tested elsewhere and
 * does not count.
 * @module
 */
import { capture, show } from "./command.ts";
import { listFastTests } from "./fast_tests.ts";
import { ROOT } from "./tree.ts";

/** Files that are not part of the product. */
const NOT_PRODUCT =
  /(_test|_fixture|_child)\.ts$|\/(testing|tests|scripts)\/|\/(conformance\w*|\w*test_\w+)\.ts$/;

/** The totals of a report in lcov format, over all files. */
export interface Counts {
  files: number;
  lines: { found: number; run: number };
  branches: { found: number; run: number };
}

/** Adds up a report, leaving out files that are not part of the product. */
export function readCounts(lcov: string): Counts {
  const counts: Counts = { files: 0, lines: { found: 0, run: 0 }, branches: { found: 0, run: 0 } };
  for (const record of lcov.split("end_of_record")) {
    const file = /^SF:(.+)$/m.exec(record)?.[1];
    if (file === undefined || NOT_PRODUCT.test(file)) continue;
    const numberOf = (key: string) => Number(new RegExp(`^${key}:(\\d+)$`, "m").exec(record)?.[1] ?? 0);
    counts.files++;
    counts.lines.found += numberOf("LF");
    counts.lines.run += numberOf("LH");
    counts.branches.found += numberOf("BRF");
    counts.branches.run += numberOf("BRH");
  }
  return counts;
}

const percent = ({ found, run }: { found: number; run: number }) =>
  found === 0 ? "0 %" : `${(100 * run / found).toFixed(1)} %`;

/** The line that nightly prints. */
export const describeCounts = ({ files, lines, branches }: Counts): string =>
  `coverage by the fast tests: ${percent(lines)} of lines, ${
    percent(branches)
  } of branches, in ${files} files`;

/** Runs the fast tests and prints the coverage. @returns the exit code. */
async function main(): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "rune-coverage-" });
  try {
    // Failures are reported elsewhere: counting slows the tests down, and some measure time.
    await show(
      [
        Deno.execPath(),
        ...["test", "-A", "--no-check", "--parallel", "--reporter=dot", "--coverage-raw-data-only"],
        `--coverage=${folder}`,
        ...await listFastTests(),
      ],
      { cwd: ROOT },
    );
    const { code, stdout, stderr } = await capture([Deno.execPath(), "coverage", "--lcov", folder], {
      cwd: ROOT,
    });
    if (code !== 0) console.error(stderr.trimEnd());
    else console.log(describeCounts(readCounts(stdout)));
    return code;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main());
