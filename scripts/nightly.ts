/**
 * The long tests for the night: hundreds of kills, a minute without Docker, an hour of churn, every command
 * of the documentation, then a long simulation and the coverage of the fast tests. Prints the random seed,
 * and ends as `deno task test` does. Variables that are already set override the lengths here; arguments are
 * passed on.
 * @module
 */
import { show } from "./command.ts";
import { listFiles, ROOT } from "./tree.ts";

/** Lengths, by the variable that a test reads. The tests that name one of these variables run. */
const LENGTHS: Record<string, string> = {
  RUNE_KILLS: "200",
  RUNE_OUTAGE_SECONDS: "60",
  RUNE_ACCESS_SECONDS: "300",
  RUNE_CHURN_MINUTES: "60",
  RUNE_DOCS: "all",
};
/** Twice as long as they take together. */
const LIMIT_MINUTES = 240;
/** Histories of the simulation. */
const HISTORIES = "100000";
/** Fault tests without a variable length. */
const ALSO = ["tests/crash_test.ts", "tests/faults_test.ts", "tests/clock_test.ts"];

async function testsWithLength(): Promise<string[]> {
  const files = (await listFiles(ROOT)).filter((file) => file.endsWith("_test.ts"));
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(`${ROOT}/${file}`)));
  return files.filter((_, i) => Object.keys(LENGTHS).some((name) => texts[i]!.includes(name)));
}

/** Runs them. @returns the exit code. */
async function main(argv: string[]): Promise<number> {
  const chosen = Object.entries({ RUNE_SEED: `${Math.floor(Math.random() * 1e9)}`, ...LENGTHS })
    .map(([name, value]) => [name, Deno.env.get(name) ?? value]);
  const env = Object.fromEntries(chosen);
  console.log(
    `${chosen.map(([name, value]) => `${name}=${value}`).join(" ")} deno task nightly repeats this run`,
  );
  const files = [...await testsWithLength(), ...ALSO];
  const limit = `--limit=${LIMIT_MINUTES}`;
  const run = (...args: string[]) => show([Deno.execPath(), "run", "-A", ...args], { cwd: ROOT, env });
  const tested = await run("scripts/run_tests.ts", limit, ...files, ...argv);
  const simulated = await run("scripts/simulate.ts", "--seed", env.RUNE_SEED!, "--histories", HISTORIES);
  const covered = await run("scripts/coverage.ts");
  return tested || simulated || covered;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
