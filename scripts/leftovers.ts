/**
 * Removes the leftovers of a scratch daemon, found by its labels and records, even after a failure.
 * @module
 */
import { basename, join } from "node:path";
import { endCaddy } from "../node/proxy/caddy/caddy_process.ts";
import { caddyFiles } from "../node/proxy/caddy/config.ts";
import { mountRootOf } from "../drivers/digitalocean/entry.ts";
import { holdsPath } from "../drivers/directory_hold.ts";
import { createProcessRunner } from "../runners/process/runner.ts";
import { readDaemonId } from "../server/identity/daemon_identity.ts";
import { lockDirectory } from "../server/identity/daemon_lock.ts";
import { openStore } from "../store/store.ts";
import { engineAnswers, openEngine } from "./engine.ts";

const STOP_MS = 2_000;
/** How long the Engine may take to finish pending work. */
const GONE_MS = 30_000;

/** Removes every container, every network and the mark with a daemon's label. */
export async function removeFromEngine(daemonId: string): Promise<void> {
  const engine = openEngine();
  const filters = encodeURIComponent(JSON.stringify({ label: [`rune.io/daemon=${daemonId}`] }));
  const list = async (what: string) =>
    await engine.call(`GET ${what}?all=1&filters=${filters}`) as { Id: string }[];
  try {
    // The Engine may be removing one already, or creating one that the daemon requested just before its end.
    const deadline = Date.now() + GONE_MS;
    for (;;) {
      const containers = await list("/containers/json");
      if (containers.length === 0) break;
      const removed = await Promise.allSettled(
        containers.map(({ Id }) => engine.call(`DELETE /containers/${Id}?force=1`)),
      );
      const refused = removed.find((r) => r.status === "rejected");
      if (refused && Date.now() > deadline) throw refused.reason;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const { Id } of await list("/networks")) await engine.call(`DELETE /networks/${Id}`);
    const { Volumes } = await engine.call(`GET /volumes?filters=${filters}`) as {
      Volumes: { Name: string }[] | null;
    };
    for (const { Name } of Volumes ?? []) await engine.call(`DELETE /volumes/${Name}`);
  } finally {
    engine.close();
  }
}

/**
 * Removes the lock of a killed daemon, which would otherwise stay until the host's next boot. @param dataDir
 * of the daemon.
 */
export async function removeLock(dataDir: string): Promise<void> {
  const place = await Deno.realPath(dataDir).catch(() => dataDir);
  for (const { name } of await Array.fromAsync(Deno.readDir(lockDirectory())).catch(() => [])) {
    const path = join(lockDirectory(), name);
    const holder = await Deno.readTextFile(path).catch(() => "");
    if (holder.endsWith(` ${place}\n`)) await Deno.remove(path).catch(() => {});
  }
}

/**
 * Kills every process in a daemon's records, and removes its records and control groups.
 *
 * @param dataDir its directory.
 * @param daemonId also kills its processes without a record there.
 */
export async function removeProcesses(dataDir: string, daemonId = "unknown"): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  const runner = createProcessRunner({ dir: join(dataDir, "processes"), daemonId });
  try {
    await runner.waitUntilClear();
    const runs = await runner.list(signal);
    await Promise.all(runs.map((run) => runner.stop(run, { timeoutMs: STOP_MS, signal })));
    await Promise.all(runs.map((run) => runner.remove(run, signal)));
  } finally {
    await runner.close();
  }
}

/** Removes the mounts of a daemon: filesystems in memory, volumes, and what it showed to runs. */
export async function removeMounts(dataDir: string): Promise<void> {
  const stage = await Deno.readLink(join(dataDir, "mounts")).catch(() => undefined);
  for (const { name } of await Array.fromAsync(Deno.readDir(holdsPath())).catch(() => [])) {
    const path = join(holdsPath(), name);
    // The file that a killed daemon was writing.
    if (stage !== undefined && name.startsWith(`.${basename(stage)}.`)) {
      await Deno.remove(path).catch(() => {});
    }
    if (!name.endsWith(".json")) continue;
    const hold = JSON.parse(await Deno.readTextFile(path).catch(() => "{}"));
    if (hold.dataDir === dataDir) await Deno.remove(path).catch(() => {});
  }
  const roots = [mountRootOf(dataDir), ...stage === undefined ? [] : [stage]];
  const places = [dataDir, ...roots].map((path) => `${path}/`);
  const mounts = (await Deno.readTextFile("/proc/self/mounts")).split("\n").map((line) =>
    line.split(" ")[1] ?? ""
  );
  for (const path of mounts.filter((path) => places.some((place) => path.startsWith(place))).reverse()) {
    await new Deno.Command("umount", { args: [path] }).output();
  }
  for (const root of roots) {
    // Never recursive: a mount that could not be removed may be somebody's volume.
    const left = await Array.fromAsync(Deno.readDir(root)).catch(() => []);
    for (const { name } of left) await Deno.remove(join(root, name)).catch(() => {});
    await Deno.remove(root).catch(() => {});
  }
}

/**
 * Stops and removes every container, network and process of a daemon that is gone. @param dataDir its
 * directory.
 */
export async function removeLeftovers(dataDir: string): Promise<void> {
  const store = await openStore({ dataDir });
  const daemonId = await readDaemonId(store).finally(() => store.close());
  if (daemonId !== undefined && await engineAnswers()) await removeFromEngine(daemonId);
  await removeLock(dataDir);
  await removeProcesses(dataDir, daemonId);
  await endCaddy(caddyFiles(join(dataDir, "proxy")));
  await removeMounts(dataDir);
}
