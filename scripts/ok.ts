/**
 * Everything that must hold before a commit, cheapest first. Prints one line per step with its time, and the
 * output of a failing step. Runs only the fast tests: those beside the code, without Docker. `deno task test`
 * runs all tests; `--no-tests` omits them here.
 * @module
 */
import { parseArgs } from "node:util";
import { capture } from "./command.ts";
import { listFastTests } from "./fast_tests.ts";
import { ROOT } from "./tree.ts";

/** Contracts whose doc comments contain examples. */
export const CONTRACTS = ["drivers/driver.ts", "runners/runner.ts"];

const STEPS: [name: string, args: string[]][] = [
  ["format", ["fmt", "--check"]],
  ["lint", ["lint", "--quiet"]],
  ["types", ["check", "--quiet"]],
  ["imports", ["run", "-A", "scripts/check_imports.ts"]],
  ["docs", ["run", "-A", "scripts/check_docs.ts"]],
  ["reference", ["run", "-A", "scripts/reference.ts", "--check"]],
  ["sizes", ["run", "-A", "scripts/check_sizes.ts"]],
  ["citations", ["run", "-A", "scripts/check_citations.ts"]],
  ["trouble", ["run", "-A", "scripts/check_troubleshooting.ts"]],
  ["examples", ["test", "-A", "--doc", "--quiet", ...CONTRACTS]],
  ["tests", ["test", "-A", "--parallel", "--no-check", "--reporter=dot", ...await listFastTests()]],
  ["simulate", ["run", "-A", "scripts/simulate.ts", "--seed", "1", "--histories", "1000"]],
];

/** Steps that run the program. */
const TESTS = ["tests", "simulate"];

/**
 * Many times what any step takes. A step that hangs is interrupted, and `deno test` then names the unfinished
 * tests.
 */
const LIMIT_MS = 10 * 60_000;

/** Runs the steps. @returns whether all of them passed. */
async function main({ tests }: { tests: boolean }): Promise<boolean> {
  let allPassed = true;
  for (const [name, args] of STEPS.filter(([name]) => tests || !TESTS.includes(name))) {
    const start = performance.now();
    const signal = AbortSignal.timeout(LIMIT_MS);
    const { code, stdout, stderr } = await capture([Deno.execPath(), ...args], { cwd: ROOT, signal });
    const time = `${((performance.now() - start) / 1000).toFixed(1)} s`;
    console.log(`${code === 0 ? "ok    " : "FAILED"} ${name.padEnd(10)}${time.padStart(7)}`);
    if (code === 0) continue;
    allPassed = false;
    console.log((stdout + stderr).trimEnd());
    if (signal.aborted) console.log(`${name} did not end within ${LIMIT_MS / 60_000} minutes`);
  }
  return allPassed;
}

if (import.meta.main) {
  const options = { "no-tests": { type: "boolean", default: false }, help: { type: "boolean" } } as const;
  const { values } = parseArgs({ args: Deno.args, options });
  if (values.help) console.log("deno task ok [--no-tests]: everything that must hold before a commit");
  else Deno.exit(await main({ tests: !values["no-tests"] }) ? 0 : 1);
}
