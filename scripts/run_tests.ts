/**
 * Runs the tests: installs what is missing, runs `deno test` on the tree or on the given files, lists skipped
 * tests and ends with `N passed, M failed`. With `CI=true` or `--no-skips` a skipped test fails the run,
 * except for the few that `junit.ts` names. A run that lasts longer than `--limit=<minutes>` (45) is
 * interrupted and fails. Other arguments go to `deno test`.
 * @module
 */
import { startDeadline } from "../base/delay.ts";
import { show } from "./command.ts";
import { findForbiddenSkips, parseReport, type TestReport } from "./junit.ts";
import { setup } from "./setup.ts";

const LIMIT = /^--limit=(\d+)$/;
/**
 * Several times what all tests take. After that `deno test` is interrupted and names the unfinished tests.
 */
const LIMIT_MINUTES = 45;

async function readReport(path: string): Promise<TestReport> {
  // Type errors and crashes leave no report, so nothing passed.
  return parseReport(await Deno.readTextFile(path).catch(() => ""));
}

/** Runs everything and prints the result. @returns the exit code. */
async function main(argv: string[]): Promise<number> {
  const skipsFail = Deno.env.get("CI") === "true" || argv.includes("--no-skips");
  const lacks = await setup();
  const folder = await Deno.makeTempDir({ prefix: "rune-test-report-" });
  try {
    const path = `${folder}/report.xml`;
    const minutes = argv.flatMap((arg) => LIMIT.exec(arg)?.[1] ?? []).map(Number).at(-1) ?? LIMIT_MINUTES;
    const passedOn = argv.filter((arg) => arg !== "--no-skips" && !LIMIT.test(arg));
    using deadline = startDeadline(minutes * 60_000);
    const code = await show(
      [Deno.execPath(), "test", "-A", "--parallel", `--junit-path=${path}`, ...passedOn],
      { signal: deadline.signal },
    );
    if (deadline.signal.aborted) console.log(`the tests did not end within ${minutes} minutes`);
    const report = await readReport(path);
    if (code !== 0 && report.failed === 0) {
      console.log(`deno test ended with code ${code} outside any test: see its output above`);
      report.failed = 1;
    }
    for (const test of report.skipped) console.log(`skipped: ${test}`);
    if (lacks.length > 0) console.log(`missing here: ${lacks.join(", ")}`);
    const forbidden = skipsFail ? findForbiddenSkips(report) : [];
    if (forbidden.length > 0) {
      console.log(`${forbidden.length} skipped, which is not allowed here: the run fails`);
      report.failed += forbidden.length;
    }
    console.log(`${report.passed} passed, ${report.failed} failed`);
    return report.failed === 0 ? 0 : 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
