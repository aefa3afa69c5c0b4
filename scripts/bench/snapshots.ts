/**
 * Measures snapshot and restore of a `local` volume against `cp -a` of the same tree, on three filesystems
 * with three sizes. Rounds take turns: plain `cp -a` (in the page cache when it returns), `cp -a` followed by
 * `sync -f`, snapshot, restore. A snapshot is timed as a client sees it, from the request to Ready: two
 * commits of the store, the copy, its sync, its rename.
 * @module
 */
import { capture, findProgram } from "../command.ts";
import { startDaemon } from "../daemon.ts";
import { type LoopFsType, makeLoopFilesystem } from "../loop_filesystem.ts";
import { eventData, timeWork } from "./lab.ts";
import { compare, formatMs, makeSkippedRow, median, type Row } from "./measurement.ts";

const TYPES: LoopFsType[] = ["ext4", "xfs", "btrfs"];
const SIZES_MIB = [10, 100, 1024];
const FILE_MIB = 2;
const DISK_MIB = 4 * 1024;
const ROUNDS = 4;
const PATIENCE_MS = 120_000;
const MIB = 2 ** 20;

async function must(...argv: string[]): Promise<void> {
  const { code, stderr } = await capture(argv);
  if (code !== 0) throw new Error(`${argv.join(" ")}: ${stderr.trim()}`);
}

type Stated = { name: string; status: { state: string } };

/** Calls of the daemon's API in the default namespace. */
function apiOf(url: string) {
  const base = `${url}/v1/namespaces/default/`;
  const call = async (method: string, path: string, body?: unknown): Promise<void> => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(base + path, { method, headers, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
  };
  /** Does something and resolves once a watch shows the resource in a state (`gone`: deleted). */
  const reach = async (
    { kind, name, state }: { kind: string; name: string; state: string },
    act: () => Promise<void>,
  ): Promise<void> => {
    const watch = await fetch(`${base}${kind}?watch=true&fieldSelector=name=${name}`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (!watch.ok) throw new Error(`watching ${kind}: ${await watch.text()}`);
    let acted: Promise<void> | undefined;
    for await (const data of eventData(watch.body!)) {
      const { type, resource } = data as { type: string; resource?: Stated };
      if (type === "sync") acted = act();
      else if (acted && (type === "delete" ? state === "gone" : resource?.status.state === state)) break;
    }
    await acted;
  };
  return { call, reach };
}

/** Fills a directory with files of 2 MiB of random data. */
async function fill(directory: string, sizeMiB: number): Promise<void> {
  const noise = new Uint8Array(FILE_MIB * MIB);
  for (let at = 0; at < noise.length; at += 65_536) crypto.getRandomValues(noise.subarray(at, at + 65_536));
  for (let n = 0; n < sizeMiB / FILE_MIB; n++) {
    noise[0] = n % 256;
    await Deno.writeFile(`${directory}/${n}`, noise);
  }
  await must("sync", "--file-system", directory);
}

type Series = Record<"plain" | "durable" | "snapshot" | "restore", number[]>;

async function measureSize(
  { root, api }: { root: string; api: ReturnType<typeof apiOf> },
  sizeMiB: number,
): Promise<Series> {
  const volume = { size: "2Gi", accessMode: "ReadWriteOnce", reclaimPolicy: "delete" };
  const name = `v${sizeMiB}`;
  const source = `${root}/volumes/default/${name}`;
  const copy = `${root}/copy`;
  const made = { kind: "volumes", name, state: "Available" };
  const takeSnapshot = (snapshot: string) =>
    api.reach(
      { kind: "snapshots", name: snapshot, state: "Ready" },
      () => api.call("POST", "snapshots", { name: snapshot, source: { volume: name } }),
    );
  const removeResource = (kind: string, gone: string) =>
    api.reach({ kind, name: gone, state: "gone" }, () => api.call("DELETE", `${kind}/${gone}`));
  await api.reach(made, () => api.call("PUT", `volumes/${name}`, volume));
  await fill(source, sizeMiB);
  await takeSnapshot("base");
  /** Each with a function that undoes it. */
  const contenders: Record<keyof Series, [act: () => Promise<void>, undo: () => Promise<void>]> = {
    plain: [() => must("cp", "-a", source, copy), () => must("rm", "-rf", copy)],
    durable: [async () => {
      await must("cp", "-a", source, copy);
      await must("sync", "--file-system", copy);
    }, () => must("rm", "-rf", copy)],
    snapshot: [() => takeSnapshot("s"), () => removeResource("snapshots", "s")],
    restore: [() =>
      api.reach(
        { ...made, name: "r" },
        () => api.call("POST", "volumes", { ...volume, name: "r", source: { snapshot: "base" } }),
      ), () => removeResource("volumes", "r")],
  };
  const series: Series = { plain: [], durable: [], snapshot: [], restore: [] };
  const order = Object.keys(contenders) as (keyof Series)[];
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of order) {
      const [act, undo] = contenders[contender];
      await must("sync", "--file-system", root);
      series[contender].push(await timeWork(act));
      await undo();
    }
    // The order changes, so that none always follows the same other.
    order.push(order.shift()!);
  }
  await removeResource("snapshots", "base");
  await removeResource("volumes", name);
  return series;
}

async function measureFilesystem(type: LoopFsType): Promise<Row[]> {
  await using disk = await makeLoopFilesystem(type, DISK_MIB);
  const home = await Deno.makeTempDir({ prefix: "rune-bench-" });
  const config = `${home}/runefile.yaml`;
  await Deno.writeTextFile(
    config,
    `storage: { localVolumeRoot: ${disk.path}/volumes, trashRetention: 0s }\nauth: { enabled: false }\n`,
  );
  const daemon = await startDaemon(home, { devMode: false, args: ["--config", config] });
  try {
    const rows: Row[] = [];
    for (const size of SIZES_MIB) {
      const series = await measureSize({ root: disk.path, api: apiOf(daemon.url) }, size);
      const durable = median(series.durable);
      const what = `${size < 1024 ? `${size} MiB` : "1 GiB"} on ${type}`;
      for (const verb of ["snapshot", "restore"] as const) {
        const row = compare(`${verb} of ${what}`, {
          ours: series[verb],
          other: series.plain,
          otherName: "cp -a",
          limit: 1.1,
        });
        const ratio = (median(series[verb]) / durable).toFixed(2);
        rows.push({ ...row, against: `${row.against}; with sync ${formatMs(durable)} (${ratio} ×)` });
      }
    }
    return rows;
  } finally {
    await daemon.stop();
    await Deno.remove(home, { recursive: true });
  }
}

/** Rows for each filesystem that can be created here. */
export async function measureSnapshots(): Promise<Row[]> {
  if (Deno.uid() !== 0) {
    return [makeSkippedRow("snapshot of local", "needs root, for filesystems of its own")];
  }
  const rows: Row[] = [];
  for (const type of TYPES) {
    const missing = findProgram(`mkfs.${type}`) === undefined;
    rows.push(
      ...(missing
        ? [makeSkippedRow(`snapshot on ${type}`, `mkfs.${type} is missing`)]
        : await measureFilesystem(type)),
    );
  }
  return rows;
}
