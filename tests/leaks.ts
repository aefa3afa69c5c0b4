/**
 * What a daemon may leave behind after a failure: containers, networks, processes, control groups, mounts,
 * loop devices, sockets, and half-finished files. They are found by its own labels, records and paths, and
 * compared with what it has stored.
 * @module
 */
import { join } from "node:path";
import { capture } from "../scripts/command.ts";
import { openEngine } from "../scripts/engine.ts";
import { type Host, until } from "./host.ts";
import { noDocker } from "./skips.ts";

interface Stored {
  uid: string;
  namespace: string;
  name: string;
  status: { run: number; state: string; mountPath?: string };
}

/** Temporary files: they exist for a moment, or since a process died. */
const HALF_DONE =
  /\.(partial|removing|new|next|draft|tmp)$|^\.(making|removed)-|^(backup|restoring|notify)\b|^\.rune-/;
/** `<instance's uid>-<run>`, with `+<step>` for a step, and perhaps a suffix. */
const RUN_NAME = /^([0-9a-f-]{36})-(\d+)(?:\+[^.]*)?(?:\.\w+)?$/;

/** Waits until a host has no leaks. @throws {Error} that lists the leaks. */
export async function assertNothingLeaked(host: Host, options: { socket?: string } = {}): Promise<void> {
  let leaks: string[] = [];
  try {
    await until("nothing is leaked", async () => (leaks = await findLeaks(host, options)).length === 0);
  } catch (error) {
    if (leaks.length === 0) throw error;
    throw new Error(
      `left behind:\n${leaks.join("\n")}\n\nthe daemon said:\n${await host.daemon.lastWords()}`,
    );
  }
}

/** Everything on a host that nothing stored accounts for now. Its daemon must be running. */
export async function findLeaks(host: Host, { socket }: { socket?: string } = {}): Promise<string[]> {
  const instances = await listStored(host, "instances");
  const runs = new Map(instances.map(({ uid, status }) => [uid, status.run]));
  const found = await Promise.all([
    noDocker && socket === undefined ? [] : inEngine(host, { runs, socket }),
    processes(host, runs),
    controlGroups(host, runs),
    mounts(host, runs),
    loopDevices(host),
    records(host, runs),
    files(host.dataDir, ""),
    volumeRoot(host),
  ]);
  return found.flat();
}

async function listStored(host: Host, kind: string): Promise<Stored[]> {
  return (await (await fetch(`${host.daemon.url}/v1/${kind}`)).json()).items;
}

async function names(directory: string): Promise<string[]> {
  return await Array.fromAsync(Deno.readDir(directory), (entry) => entry.name).catch(() => []);
}

async function inEngine(
  { daemonId }: Host,
  { runs, socket }: { runs: Map<string, number>; socket?: string | undefined },
): Promise<string[]> {
  const engine = openEngine(socket);
  try {
    const filters = encodeURIComponent(JSON.stringify({ label: [`rune.io/daemon=${daemonId}`] }));
    type Listed = { Id: string; Name?: string; State: string; Labels: Record<string, string> };
    const list = async (what: string) =>
      await engine.call(`GET ${what}?all=1&filters=${filters}`) as Listed[];
    const containers = await list("/containers/json");
    const namespaces = new Set(containers.map((c) => c.Labels["rune.io/namespace"]));
    const strays = containers.filter(({ Labels, State }) => {
      const run = runs.get(Labels["rune.io/instance-uid"]!);
      return run === undefined || (State === "running" && Number(Labels["rune.io/run"]) !== run);
    });
    const idle = (await list("/networks")).filter(({ Name, Labels }) => {
      const namespace = Labels["rune.io/namespace"] ?? "";
      // The network of all namespaces is removed with the last container.
      const needed = namespace === "" ? containers.length > 0 : namespaces.has(namespace);
      return !needed || Name!.endsWith("-addresses");
    });
    const marks = await engine.call(`GET /volumes?filters=${filters}`) as {
      Volumes: { Name: string }[] | null;
    };
    return [
      ...(marks.Volumes ?? []).slice(1).map((v) => `volume ${v.Name}`),
      ...strays.map((c) => `container ${c.Id} (${c.Labels["rune.io/instance"]}, ${c.State})`),
      ...idle.map((n) => `network ${n.Name}`),
    ];
  } finally {
    engine.close();
  }
}

/** Processes below the host's home, or with open files there, that belong to no current run. */
async function processes({ home, daemon, daemonId }: Host, runs: Map<string, number>): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await names("/proc")).filter((name) => /^\d+$/.test(name))) {
    const links = await Promise.all([
      Deno.readLink(`/proc/${pid}/cwd`).catch(() => ""),
      ...(await names(`/proc/${pid}/fd`)).map((fd) => Deno.readLink(`/proc/${pid}/fd/${fd}`).catch(() => "")),
    ]);
    if (!links.some((link) => link.startsWith(`${home}/`))) continue;
    const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
    const parent = /^PPid:\s+(\d+)/m.exec(status)?.[1];
    const mayBe = [`${daemon.pid}`, `${Deno.pid}`];
    if (status === "" || /^State:\s+Z/m.test(status) || mayBe.includes(pid) || mayBe.includes(parent!)) {
      continue;
    }
    const command = (await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "")).replaceAll("\0", " ");
    // Routes outlive the daemon.
    if (command.startsWith("caddy ") || command.includes("/caddy ")) continue;
    const paths = await Deno.readTextFile(`/proc/${pid}/cgroup`).catch(() => "");
    const group = new RegExp(`/rune/${daemonId}\\.([^/\\s]+)`).exec(paths)?.[1];
    if (group === undefined || !isCurrent(group, runs)) found.push(`process ${pid}: ${command}`);
  }
  return found;
}

/** Whether a name belongs to a stored instance's run. */
function isCurrent(name: string, runs: Map<string, number>): boolean {
  const [, uid, run] = RUN_NAME.exec(name) ?? [];
  return uid !== undefined && runs.get(uid) === Number(run);
}

async function controlGroups({ daemonId }: Host, runs: Map<string, number>): Promise<string[]> {
  const hierarchies = [
    "/sys/fs/cgroup",
    ...(await names("/sys/fs/cgroup")).map((n) => `/sys/fs/cgroup/${n}`),
  ];
  const groups = await Promise.all(
    hierarchies.map(async (at) =>
      (await names(`${at}/rune`)).filter((name) =>
        name.startsWith(`${daemonId}.`) && !isCurrent(name.slice(daemonId.length + 1), runs)
      ).map((name) => `control group ${at}/rune/${name}`)
    ),
  );
  return groups.flat();
}

async function mounts(host: Host, runs: Map<string, number>): Promise<string[]> {
  const volumes = (await listStored(host, "volumes")).flatMap(({ status }) => status.mountPath ?? []);
  const paths = (await Deno.readTextFile("/proc/self/mounts")).split("\n").map((line) =>
    line.split(" ")[1] ?? ""
  );
  return paths.filter((path) => path.startsWith(`${host.dataDir}/`) || path.startsWith(`${host.home}/`))
    .filter((path) => !host.dataDir.startsWith(`${path}/`) && path !== host.dataDir)
    .filter((path) => !isCurrent(path.slice(`${host.dataDir}/runs/`.length), runs))
    .filter((path) => !runs.has(/\/mounts\/([0-9a-f-]{36})\.\d+$/.exec(path)?.[1] ?? ""))
    .filter((path) => !volumes.some((at) => path === at || path.startsWith(`${at}/`)))
    .map((path) => `mount ${path}`);
}

async function loopDevices({ home, dataDir }: Host): Promise<string[]> {
  const { stdout } = await capture(["losetup", "-l", "-n", "-O", "NAME,BACK-FILE"]);
  return stdout.split("\n").filter((line) => line.includes(` ${home}/`) || line.includes(` ${dataDir}/`))
    .map((line) => `loop device ${line}`);
}

/** Records, signals and files of runs whose instance is gone. */
async function records({ dataDir }: Host, runs: Map<string, number>): Promise<string[]> {
  const all = await Promise.all(
    ["processes", "processes/signals", "runs"].map(async (directory) =>
      (await names(join(dataDir, directory))).filter((name) => {
        const uid = RUN_NAME.exec(name)?.[1];
        return uid !== undefined && !runs.has(uid);
      }).map((name) => `record ${directory}/${name}`)
    ),
  );
  return all.flat();
}

/** Temporary files and sockets, except inside volumes, snapshots and runs. */
async function files(directory: string, below: string): Promise<string[]> {
  const found: string[] = [];
  for (const { name, isDirectory, isFile, isSymlink } of await entries(directory)) {
    const path = below === "" ? name : `${below}/${name}`;
    const isSocket = !isDirectory && !isFile && !isSymlink;
    if (HALF_DONE.test(name)) found.push(`half done: ${path}`);
    else if (isSocket && path !== "proxy/admin.sock") found.push(`socket ${path}`);
    else if (isDirectory && !isContent(path)) found.push(...await files(join(directory, name), path));
  }
  return found;
}

async function entries(directory: string): Promise<Deno.DirEntry[]> {
  return await Array.fromAsync(Deno.readDir(directory)).catch(() => []);
}

/**
 * `volumes/<namespace>/<name>`, `volumes/.snapshots/<namespace>/<uid>`, the trash's data, and the files of a
 * run.
 */
const isContent = (path: string) =>
  /^volumes\/[^.][^/]*\/[^/]+$|^volumes\/\.snapshots\/[^/]+\/[^/]+$|^volumes\/\.trash\/[^/]+\/data$|^runs\/[^/]+$/
    .test(path);

/** Copies without a snapshot, notes without a volume, and trash entries without data. */
async function volumeRoot(host: Host): Promise<string[]> {
  const root = join(host.dataDir, "volumes");
  const snapshots = new Set((await listStored(host, "snapshots")).map(({ uid }) => uid));
  const volumes = new Set(
    (await listStored(host, "volumes")).map(({ namespace, name }) => `${namespace}/${name}`),
  );
  const found: string[] = [];
  for (const namespace of await names(join(root, ".snapshots"))) {
    for (const uid of await names(join(root, ".snapshots", namespace))) {
      if (!snapshots.has(uid)) found.push(`copy .snapshots/${namespace}/${uid} of no snapshot`);
    }
  }
  for (const namespace of await names(join(root, ".rune"))) {
    const there = await names(join(root, namespace));
    for (const note of await names(join(root, ".rune", namespace))) {
      const name = note.replace(/\.json$/, "");
      if (!there.includes(name) && !volumes.has(`${namespace}/${name}`)) {
        found.push(`note .rune/${namespace}/${note} of no volume`);
      }
    }
  }
  for (const id of await names(join(root, ".trash"))) {
    if (id.startsWith(".")) continue;
    if (!(await names(join(root, ".trash", id))).includes("data")) found.push(`empty entry .trash/${id}`);
  }
  return found;
}
