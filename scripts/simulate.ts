/**
 * The simulation: the real controllers and the real store on a host in memory, through histories of wishes,
 * faults and deaths that a seed determines. `deno task simulate [--seed N] [--histories N]`; see
 * docs/decisions/0056.
 * @module
 */
import { parseArgs } from "node:util";
import { show } from "./command.ts";
import { ROOT } from "./tree.ts";

/** Plays the histories. @returns the exit code. */
async function main(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      seed: { type: "string", default: `${Math.floor(Math.random() * 1e9)}` },
      histories: { type: "string", default: "1000" },
    },
  });
  const parts = splitSeeds(Number(values.seed), Number(values.histories));
  const program = `${ROOT}/scripts/simulation/main.ts`;
  const codes = await Promise.all(parts.map((part) => {
    const args = ["run", "-A", "--no-check", program, ...part.map(String)];
    return show([Deno.execPath(), ...args], { cwd: ROOT });
  }));
  return Math.max(...codes);
}

/** Below that many, a second process costs more than it saves. */
const WORTH_SPLITTING = 200;

/** The seeds and numbers of histories of each process: one a core. */
function splitSeeds(seed: number, histories: number): [seed: number, histories: number][] {
  const processes = histories < WORTH_SPLITTING ? 1 : navigator.hardwareConcurrency;
  return Array.from({ length: processes }, (_, i) => {
    const [from, to] = [i, i + 1].map((n) => Math.floor(histories * n / processes)) as [number, number];
    return [seed + from, to - from];
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
