/** Measures the daemon itself: its cost when idle, and how fast it starts. @module */
import type { Instance } from "../../model/instance.ts";
import { areRunning, type Lab, timeWork, withLab } from "./lab.ts";
import { formatMs, median, type Row } from "./measurement.ts";

/** Process services, megabytes and percent of a core: the budget of an ordinary node, and of a large one. */
const IDLE_BUDGETS = [[100, 120, 1], [500, 256, 25]] as const;
const IDLE_WINDOW_MS = 10_000;
const ADOPTED = 500;
const START_ROUNDS = 5;
const ADOPTION_ROUNDS = 3;
const ADOPTION_BUDGET_MS = 2000;
const TICKS_PER_SECOND = 100;

const sleeper = (name: string, scale: number) => ({
  name,
  scale,
  process: { command: "/bin/sleep", args: ["1000000"] },
});

/** CPU seconds that a process has used. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory of a process. */
export async function residentMb(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]) / 1024;
}

/** Memory and CPU with idle process services, each one `sleep`, over ten seconds without changes. */
export async function measureIdle(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [services, mb, percent] of IDLE_BUDGETS) {
    rows.push(...await measureIdleServices(services, { mb, percent }));
  }
  return rows;
}

function measureIdleServices(services: number, budget: { mb: number; percent: number }): Promise<Row[]> {
  return withLab(async (lab) => {
    await lab.cast(...Array.from({ length: services }, (_, i) => sleeper(`idle-${i}`, 1)));
    await lab.until(areRunning(services));
    const pause = () => new Promise((resolve) => setTimeout(resolve, IDLE_WINDOW_MS));
    await pause();
    const before = await cpuSeconds(lab.daemon.pid);
    await pause();
    const percent = (await cpuSeconds(lab.daemon.pid) - before) / (IDLE_WINDOW_MS / 1000) * 100;
    const mb = await residentMb(lab.daemon.pid);
    const against = `${services} process services running`;
    return [{
      what: "daemon idle, memory",
      measured: `${mb.toFixed(0)} MB`,
      against,
      budget: `≤ ${budget.mb} MB`,
      met: mb <= budget.mb,
    }, {
      what: "daemon idle, CPU",
      measured: `${percent.toFixed(1)} % of a core`,
      against,
      budget: `≤ ${budget.percent} %`,
      met: percent <= budget.percent,
    }];
  });
}

/** Starts a daemon without data, until `/healthz` returns 200. */
export function measureStart(): Promise<Row> {
  return withLab(async (lab) => {
    const starts: number[] = [];
    for (let round = 0; round < START_ROUNDS; round++) {
      await lab.daemon.stop();
      starts.push(await timeWork(() => lab.restart()));
    }
    return {
      what: "daemon start, nothing stored → /healthz 200",
      measured: formatMs(median(starts)),
      against: "from source",
      budget: "–",
    };
  });
}

async function pids(lab: Lab): Promise<string> {
  const { items } = await lab.api<{ items: Instance[] }>(
    `GET /v1/namespaces/default/instances?limit=${ADOPTED}`,
  );
  return items.map((i) => `${i.name} ${i.status.handle}`).sort().join("\n");
}

/**
 * Starts a daemon after a kill with 500 running processes, until `/healthz` returns 200. No process may
 * restart.
 */
export function measureAdoption(): Promise<Row> {
  return withLab(async (lab) => {
    await lab.cast(...Array.from({ length: 5 }, (_, i) => sleeper(`adopted-${i}`, ADOPTED / 5)));
    await lab.until(areRunning(ADOPTED));
    const before = await pids(lab);
    const starts: number[] = [];
    for (let round = 0; round < ADOPTION_ROUNDS; round++) {
      await lab.daemon.stop("SIGKILL");
      starts.push(await timeWork(() => lab.restart()));
      await lab.until(areRunning(ADOPTED));
      if (await pids(lab) !== before) throw new Error("a restarted daemon did not adopt the same processes");
    }
    return {
      what: `daemon start with ${ADOPTED} instances → /healthz 200`,
      measured: formatMs(median(starts)),
      against: "from source, process instances",
      budget: `≤ ${formatMs(ADOPTION_BUDGET_MS)}`,
      met: median(starts) <= ADOPTION_BUDGET_MS,
    };
  });
}
