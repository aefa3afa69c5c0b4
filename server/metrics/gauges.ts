/**
 * Gauges that are read at each scrape: resources in the store, depths of queues, and what the process uses.
 * @module
 */
import { statfs } from "node:fs/promises";
import process from "node:process";
import { Counter, Gauge, type Registry } from "prom-client";
import { parseBytes } from "../../model/quantity.ts";
import { KINDS } from "../../model/kinds.ts";
import type { Store } from "../../store/store.ts";
import type { ScheduledBackups } from "../backup/scheduled.ts";
import type { DiskUsageReader } from "./disk_usage.ts";

/** Sources of the gauges. */
export interface Observed {
  store: Store;
  dataDir: string;
  /** The number of keys that wait or have a pass, by controller. */
  depths(): Record<string, number>;
  usage: DiskUsageReader;
  /** Errors that nobody caught since the process began. */
  unhandledErrors(): number;
  backups: Pick<ScheduledBackups, "lastSuccess">;
}

type Labels = Record<string, string>;

/** Adds up values with equal labels. */
function sum(samples: Iterable<[Labels, number]>): [Labels, number][] {
  const sums = new Map<string, [Labels, number]>();
  for (const [labels, value] of samples) {
    const key = JSON.stringify(labels);
    const known = sums.get(key);
    if (known) known[1] += value;
    else sums.set(key, [labels, value]);
  }
  return [...sums.values()];
}

/** Registers the counter of uncaught errors. */
function registerUnhandled(registry: Registry, unhandledErrors: () => number): void {
  let told = 0;
  new Counter({
    name: "rune_unhandled_errors_total",
    help: "Uncaught errors: each is a bug in rune, with its stack in the log",
    registers: [registry],
    collect() {
      const now = unhandledErrors();
      this.inc(now - told);
      told = now;
    },
  });
}

/** Registers the gauges. */
export function registerGauges(
  registry: Registry,
  { store, dataDir, depths, usage, backups, unhandledErrors }: Observed,
): void {
  registerUnhandled(registry, unhandledErrors);
  const gauge = (
    [name, help]: [name: string, help: string],
    labelNames: string[],
    read: () => Iterable<[Labels, number]> | Promise<Iterable<[Labels, number]>>,
  ) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        const samples = await read();
        // A reset of a gauge without labels would leave a 0, which looks like a value.
        if (labelNames.length === 0) this.remove();
        else this.reset();
        for (const [labels, value] of samples) this.set(labels, value);
      },
    });
  const addGauge = (
    name: string,
    help: string,
    read: () => number | undefined | Promise<number | undefined>,
  ) =>
    gauge([name, help], [], async () => {
      const value = await read();
      return value === undefined ? [] : [[{}, value]];
    });

  gauge(
    ["rune_reconcile_queue_depth", "Keys that wait for a pass or have one"],
    ["controller"],
    () => Object.entries(depths()).map(([controller, depth]) => [{ controller }, depth]),
  );
  gauge(
    ["rune_resources", "Stored resources"],
    ["kind"],
    () => Object.values(KINDS).map(({ kind }) => [{ kind }, store.list(kind).length]),
  );
  gauge(
    ["rune_services", "Services by state"],
    ["namespace", "state"],
    () => sum(store.list("service").map(({ namespace, status }) => [{ namespace, state: status.state }, 1])),
  );
  gauge(
    ["rune_instances", "Instances by state"],
    ["namespace", "state"],
    () => sum(store.list("instance").map(({ namespace, status }) => [{ namespace, state: status.state }, 1])),
  );
  gauge(
    ["rune_instances_ready", "Instances that are ready"],
    ["namespace", "service"],
    () =>
      sum(
        store.list("instance").map((
          { namespace, spec, status },
        ) => [{ namespace, service: spec.service }, Number(status.ready)]),
      ),
  );
  gauge(
    ["rune_instance_restarts", "Restarts after a crash of the instances that exist"],
    [
      "namespace",
      "service",
    ],
    () =>
      sum(
        store.list("instance").map((
          { namespace, spec, status },
        ) => [{ namespace, service: spec.service }, status.restarts]),
      ),
  );
  gauge(
    ["rune_volumes", "Volumes by state"],
    ["namespace", "state"],
    () => sum(store.list("volume").map(({ namespace, status }) => [{ namespace, state: status.state }, 1])),
  );
  gauge(
    ["rune_volume_size_bytes", "Requested size of a volume"],
    ["namespace", "volume", "class"],
    () =>
      store.list("volume").map(({ namespace, name, spec, status }) => [
        { namespace, volume: name, class: spec.storageClassName ?? "" },
        status.sizeBytes ?? parseBytes(spec.size),
      ]),
  );
  gauge(["rune_volume_used_bytes", "Bytes that a volume uses, measured from time to time"], [
    "namespace",
    "volume",
  ], () => usage.listKnown().map(({ namespace, name, bytes }) => [{ namespace, volume: name }, bytes]));
  gauge(
    [
      "rune_volume_last_snapshot_timestamp_seconds",
      "Start time of the last good snapshot of a volume's policy",
    ],
    ["namespace", "volume"],
    () =>
      store.list("volume").filter(({ status }) => status.snapshots).map(({ namespace, name, status }) => {
        const { last } = status.snapshots!;
        return [{ namespace, volume: name }, last === undefined ? 0 : Date.parse(last.at) / 1000];
      }),
  );
  addGauge("rune_store_revision", "Revision of the last commit", () => store.revision);
  addGauge("rune_store_size_bytes", "Size of the state on disk", async () => {
    const sizes = await Promise.all(
      ["state.db", "state.db-wal"].map((file) =>
        Deno.stat(`${dataDir}/${file}`).then(({ size }) => size, () => 0)
      ),
    );
    return sizes.reduce((a, b) => a + b);
  });
  addGauge(
    "rune_backup_last_success_timestamp_seconds",
    "Start time of the last good scheduled backup, in seconds since 1970; 0 if there is none",
    () => backups.lastSuccess(),
  );
  const space = () => statfs(dataDir).catch(() => undefined);
  addGauge("rune_data_dir_free_bytes", "Free bytes on the filesystem of the data directory", async () => {
    const found = await space();
    return found && found.bavail * found.bsize;
  });
  addGauge("rune_data_dir_capacity_bytes", "Size of the filesystem of the data directory", async () => {
    const found = await space();
    return found && found.blocks * found.bsize;
  });
  addGauge("process_resident_memory_bytes", "Memory of the daemon", () => Deno.memoryUsage().rss);
  addGauge("rune_heap_used_bytes", "JavaScript heap of the daemon", () => Deno.memoryUsage().heapUsed);
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of the daemon",
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  addGauge("process_open_fds", "Open files of the daemon", async () => {
    try {
      return (await Array.fromAsync(Deno.readDir("/proc/self/fd"))).length;
    } catch {
      return undefined;
    }
  });
  const startedAt = Date.now() / 1000 - process.uptime();
  addGauge("process_start_time_seconds", "When the daemon started, in seconds since 1970", () => startedAt);
}
