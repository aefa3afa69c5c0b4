/**
 * Snapshot and restore of a `local` volume beside `cp -a` of the same tree, on three filesystems at three sizes. Rounds take turns:
 * plain `cp -a` (in the page cache when it returns), `cp -a` made durable (`sync -f`), snapshot, restore. A snapshot is timed
 * as a client sees it, from the request to Ready: two commits of the store, the copy, its sync, its rename. @module
 */
import type { Snapshot } from "../../spec/snapshot.ts";
import type { Volume } from "../../spec/volume.ts";
import { capture, findProgram } from "../command.ts";
import { startDaemon } from "../daemon.ts";
import { type LoopFsType, makeLoopFilesystem } from "../loop_filesystem.ts";
import { timed } from "./lab.ts";
import { compare, median, type Row, skipped } from "./measurement.ts";

const TYPES: LoopFsType[] = ["ext4", "xfs", "btrfs"];
const SIZES_MIB = [10, 100, 1024];
const FILE_MIB = 2;
const DISK_MIB = 6 * 1024;
const ROUNDS = 5;
const MIB = 2 ** 20;

async function must(...argv: string[]): Promise<void> {
  const { code, stderr } = await capture(argv);
  if (code !== 0) throw new Error(`${argv.join(" ")}: ${stderr.trim()}`);
}

/** Calls of the daemon's API in the default namespace. */
function apiOf(url: string) {
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${url}/v1/namespaces/default/${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok && response.status !== 404) throw new Error(`${method} ${path}: ${text}`);
    return (response.ok ? JSON.parse(text) : undefined) as T;
  };
  /** Asks until it holds; a millisecond apart, as a watch would tell. */
  const until = async <T>(path: string, holds: (resource: T | undefined) => boolean): Promise<void> => {
    while (!holds(await call<T | undefined>("GET", path))) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  return { call, until };
}

/** Fills a directory with files of 2 MiB of noise. */
async function fill(directory: string, sizeMiB: number): Promise<void> {
  const noise = new Uint8Array(FILE_MIB * MIB);
  for (let at = 0; at < noise.length; at += 65_536) crypto.getRandomValues(noise.subarray(at, at + 65_536));
  for (let n = 0; n < sizeMiB / FILE_MIB; n++) {
    noise[0] = n % 256;
    await Deno.writeFile(`${directory}/${n}`, noise);
  }
  await must("sync", "--file-system", directory);
}

interface Series {
  plain: number[];
  durable: number[];
  snapshot: number[];
  restore: number[];
}

async function measureSize(
  { root, api }: { root: string; api: ReturnType<typeof apiOf> },
  sizeMiB: number,
): Promise<Series> {
  const name = `v${sizeMiB}`;
  await api.call("PUT", `volumes/${name}`, { size: "2Gi", accessMode: "ReadWriteOnce" });
  await api.until<Volume>(`volumes/${name}`, (v) => v?.status.state === "Available");
  const source = `${root}/volumes/default/${name}`;
  await fill(source, sizeMiB);
  const series: Series = { plain: [], durable: [], snapshot: [], restore: [] };
  const copy = `${root}/copy`;
  const settle = () => must("sync", "--file-system", root);
  for (let round = 0; round < ROUNDS; round++) {
    series.plain.push(await timed(() => must("cp", "-a", source, copy)));
    await must("rm", "-rf", copy);
    await settle();
    series.durable.push(
      await timed(async () => {
        await must("cp", "-a", source, copy);
        await must("sync", "--file-system", copy);
      }),
    );
    await must("rm", "-rf", copy);
    await settle();
    series.snapshot.push(
      await timed(async () => {
        await api.call("POST", "snapshots", { name: "s", source: { volume: name } });
        await api.until<Snapshot>("snapshots/s", (s) => s?.status.state === "Ready");
      }),
    );
    await settle();
    series.restore.push(
      await timed(async () => {
        const source = { snapshot: "s" };
        await api.call("POST", "volumes", {
          name: "r",
          size: "2Gi",
          accessMode: "ReadWriteOnce",
          reclaimPolicy: "delete",
          source,
        });
        await api.until<Volume>("volumes/r", (v) => v?.status.state === "Available");
      }),
    );
    for (const gone of ["volumes/r", "snapshots/s"]) {
      await api.call("DELETE", gone);
      await api.until(gone, (resource) => resource === undefined);
    }
    await settle();
  }
  await must("sh", "-c", 'rm -rf "$1"/*', "sh", source);
  return series;
}

async function measureFilesystem(type: LoopFsType): Promise<Row[]> {
  await using disk = await makeLoopFilesystem(type, DISK_MIB);
  const home = await Deno.makeTempDir({ prefix: "rune-bench-" });
  const config = `${home}/runefile.yaml`;
  await Deno.writeTextFile(
    config,
    `storage: { localVolumeRoot: ${disk.path}/volumes, trashRetention: 0s }\n`,
  );
  const daemon = await startDaemon(home, { devMode: false, args: ["--config", config] });
  try {
    const rows: Row[] = [];
    for (const size of SIZES_MIB) {
      const series = await measureSize({ root: disk.path, api: apiOf(daemon.url) }, size);
      const what = `${size < 1024 ? `${size} MiB` : "1 GiB"} on ${type}`;
      const held = `cp -a ${median(series.plain).toFixed(0)} ms; with sync -f`;
      const [ours, other] = [series.snapshot, series.durable];
      rows.push(compare(`snapshot of ${what}`, { ours, other, otherName: held, limit: 1.1 }));
      rows.push(compare(`restore of ${what}`, { ours: series.restore, other, otherName: held, limit: 1.1 }));
    }
    return rows;
  } finally {
    await daemon.stop();
    await Deno.remove(home, { recursive: true });
  }
}

/** Rows for each filesystem that can be made here. */
export async function measureSnapshots(): Promise<Row[]> {
  if (Deno.uid() !== 0) return [skipped("snapshot of local", "needs root, for filesystems of its own")];
  const rows: Row[] = [];
  for (const type of TYPES) {
    const missing = findProgram(`mkfs.${type}`) === undefined;
    rows.push(
      ...(missing
        ? [skipped(`snapshot on ${type}`, `mkfs.${type} is missing`)]
        : await measureFilesystem(type)),
    );
  }
  return rows;
}
