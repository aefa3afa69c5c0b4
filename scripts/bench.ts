/**
 * Measures the budgets of the design, each beside what it is measured against, in one run, and prints a
 * table. `--only cast,client` chooses; `--write` puts the table with machine and date into
 * `docs/benchmarks.md`.
 * @module
 */
import { measureApi } from "./bench/api.ts";
import { measureClient } from "./bench/client.ts";
import { measureCast, measureReplacement } from "./bench/containers.ts";
import { measureAdoption, measureIdle, measureStart } from "./bench/daemon.ts";
import { formatTable, makeSkippedRow, type Row } from "./bench/measurement.ts";
import { measureCompose, measureSwarm } from "./bench/others.ts";
import { measureRollouts } from "./bench/rollouts.ts";
import { measureScale } from "./bench/scale.ts";
import { measureSnapshots } from "./bench/snapshots.ts";
import { capture } from "./command.ts";
import { ROOT } from "./tree.ts";

const MEASUREMENTS: Record<string, () => Promise<Row | Row[]>> = {
  cast: measureCast,
  compose: measureCompose,
  swarm: measureSwarm,
  replacement: measureReplacement,
  rollouts: measureRollouts,
  client: measureClient,
  api: measureApi,
  idle: measureIdle,
  start: measureStart,
  adoption: measureAdoption,
  scale: measureScale,
  snapshot: measureSnapshots,
};

/** Describes the machine, to explain the figures. */
async function describeMachine(): Promise<string> {
  const cpu = /^model name\s*:\s*(.*)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1] ?? "unknown CPU";
  const release = /^PRETTY_NAME="(.*)"$/m.exec(await Deno.readTextFile("/etc/os-release"))?.[1] ?? "Linux";
  const memory = (Deno.systemMemoryInfo().total / 2 ** 30).toFixed(0);
  const engine = (await capture(["docker", "version", "--format", "{{.Server.Version}}"])).stdout.trim();
  return `${navigator.hardwareConcurrency} cores (${cpu}), ${memory} GiB, ${release}, ` +
    `Linux ${Deno.osRelease()}, Deno ${Deno.version.deno}, Docker Engine ${engine || "absent"}`;
}

function page(facts: { machine: string; date: string; table: string }): string {
  return `# Benchmarks

Written by \`deno task bench --write\`. Each row was measured beside what it is compared with, in one run, in turns;
figures are medians. A miss is reported as a miss.

- Machine: ${facts.machine}
- Date: ${facts.date}

${facts.table}

What the rows mean is in \`scripts/bench/\`: one file for each part, with its conditions.
`;
}

async function main(argv: string[]): Promise<number> {
  const known = Object.keys(MEASUREMENTS);
  const only = argv.includes("--only") ? (argv[argv.indexOf("--only") + 1] ?? "").split(",") : known;
  const unknown = only.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(`unknown: ${unknown.join(", ")}; known: ${known.join(", ")}`);
    return 2;
  }
  const rows: Row[] = [];
  let failed = false;
  for (const name of known.filter((name) => only.includes(name))) {
    console.error(`measuring ${name} …`);
    try {
      rows.push(...[await MEASUREMENTS[name]!()].flat());
    } catch (error) {
      failed = true;
      const reason = error instanceof Error ? error.message : String(error);
      console.error(reason);
      rows.push(makeSkippedRow(name, "failed: see the output of the run"));
    }
  }
  const [machine, table, date] = [
    await describeMachine(),
    formatTable(rows),
    new Date().toISOString().slice(0, 10),
  ];
  console.log(`${machine}\n\n${table}`);
  if (argv.includes("--write")) {
    await Deno.writeTextFile(`${ROOT}/docs/benchmarks.md`, page({ machine, date, table }));
  }
  return failed ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
