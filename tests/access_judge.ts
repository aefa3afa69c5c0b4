/**
 * The judge of the access test: finds out whether a volume ever had a second writer, without asking the
 * daemon. It has three witnesses: what the workloads wrote and saw, the mounts of every live process on this
 * machine, and the exit codes that the Engine reports.
 * @module
 */
import { stagePath } from "../node/mounts/bind_stage.ts";
import { ENGINE_SOCKET } from "../scripts/engine.ts";

/** The exit code of a reader that saw a write to its volume. */
const SAW_A_WRITER = 99;

/** Writes its name into the volume over and over; a write by another run in between would show. */
export const writerScript = (id: string, pause: string) =>
  `trap 'exit 0' TERM; me=${id}; while :; do echo "$me" >> /data/log; ${pause}; done`;

/**
 * Like {@linkcode writerScript}, but as a process that leaves its session and parents behind and ignores
 * SIGTERM.
 */
export const daemonizingScript = (id: string, pause: string, directory: string) =>
  `me=${id}; export me; setsid sh -c 'trap "" TERM; (while :; do echo "$me" >> ${directory}/log; ${pause}; done) & exit'; ` +
  `trap 'exit 0' TERM; while :; do ${pause}; done`;

/** Moves the shell into a control group below its own, in each hierarchy where it has one. */
export const inGroupBelow =
  "for line in $(cat /proc/self/cgroup); do path=${line##*:}; for at in /sys/fs/cgroup /sys/fs/cgroup/*; do " +
  'case $path in /rune/*) [ -d "$at$path" ] && mkdir -p "$at$path/below" && echo $$ > "$at$path/below/cgroup.procs";; esac; ' +
  "done; done";

/**
 * Like {@linkcode writerScript}, but with a child that ignores SIGTERM and outlives a killed main process.
 */
export const stubbornScript = (id: string, pause: string, directory = "/data") =>
  `me=${id}; (trap '' TERM; while :; do echo "$me" >> ${directory}/log; ${pause}; done) & ` +
  `trap 'exit 0' TERM; while :; do echo "$me" >> ${directory}/log; ${pause}; done`;

/** Exits with an alarm if its volume grows, because then somebody writes while it reads. */
export const readerScript = (pause: string, alarm = `exit ${SAW_A_WRITER}`) =>
  `trap 'exit 0' TERM; size() { wc -c < /data/log 2>/dev/null || echo 0; }; was=$(size); ` +
  `while :; do ${pause}; [ "$(size)" = "$was" ] || { ${alarm}; }; done`;

/** Every run that wrote again after another one had started: `A B A`. */
export function findInterleaved(log: string): string[] {
  const lines = log.trim().split("\n").filter((line) => line !== "");
  const ended = new Set<string>();
  const found: string[] = [];
  lines.forEach((line, i) => {
    const before = lines[i - 1];
    if (before === undefined || before === line) return;
    ended.add(before);
    if (ended.has(line)) found.push(`line ${i + 1}: ${line} writes after ${before} had begun`);
  });
  return found;
}

interface Mounted {
  pid: number;
  directory: string;
  writable: boolean;
}

/** The directory where daemons stage volumes. */
const STAGE = `${stagePath("")}/`;

/** The mounts of a process that show one of the directories; empty if it has ended. */
function mountsOf(pid: number, directories: string[]): Mounted[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/mountinfo`).split("\n").flatMap((line) => {
      // Fields 4 to 6 of proc(5): the root inside the filesystem, the mount point, and the options.
      const [, , , root = "", at = "", options = ""] = line.split(" ");
      // Every view has a copy of the daemon's stage, which only root can enter.
      if (at.startsWith(STAGE)) return [];
      const directory = directories.find((d) => root === d || root.endsWith(d));
      return directory === undefined ? [] : [{ pid, directory, writable: options.split(",").includes("rw") }];
    });
  } catch {
    return [];
  }
}

/**
 * While a view is being made, nothing of the workload runs, and a read-only mount may be writable for a
 * moment.
 */
function isSettingUp(pid: number): boolean {
  try {
    const [program, argument, name] = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
    return (argument === "-s" && name === "rune-setup") ||
      (program!.startsWith("runc") && argument === "init");
  } catch {
    return false;
  }
}

/** The processes of this machine whose mounts differ from this process and `others`, by their view. */
function views(others: number[]): Map<string, number[]> {
  const own = ["self", ...others].map((pid) => Deno.readLinkSync(`/proc/${pid}/ns/mnt`));
  const found = new Map<string, number[]>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const view = Deno.readLinkSync(`/proc/${name}/ns/mnt`);
      if (!own.includes(view)) found.set(view, [...found.get(view) ?? [], Number(name)]);
    } catch {
      // It ended.
    }
  }
  return found;
}

/**
 * Volumes that two separate views mount at this moment, one of them writable. Each process found is checked
 * again after the other one, so both existed at the same time.
 *
 * @param directories the last parts of the volumes' paths, unique on this machine.
 * @param daemonViews processes whose views do not belong to a run.
 */
export function sharedWithWriter(directories: string[], daemonViews: number[] = []): string[] {
  // Read what a process executes before its mounts: mounts that it has by then belong to the workload.
  const all = [...views(daemonViews).values()].filter((pids) => !pids.some(isSettingUp))
    .flatMap(([pid]) => mountsOf(pid!, directories));
  return all.flatMap((a, i) =>
    all.slice(i + 1).filter((b) =>
      b.pid !== a.pid && b.directory === a.directory && (a.writable || b.writable) &&
      mountsOf(a.pid, [a.directory]).length > 0 && mountsOf(b.pid, [b.directory]).length > 0
    ).map((b) => `${a.directory} is mounted by pid ${describe(a)} and pid ${describe(b)}`)
  );
}

function describe({ pid, writable }: Mounted): string {
  let command = "ended";
  try {
    command = Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ").slice(0, 60);
  } catch {
    // It ended meanwhile.
  }
  return `${pid} (${writable ? "read-write" : "read-only"}: ${command})`;
}

/** Containers that exited because they saw a writer, until it is stopped. */
export function watchAlarms(daemonId: string): { alarms: string[]; stop(): Promise<void> } {
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: ENGINE_SOCKET } });
  const stopped = new AbortController();
  const alarms: string[] = [];
  const filters = encodeURIComponent(JSON.stringify({
    event: ["die"],
    label: [`rune.io/daemon=${daemonId}`],
  }));
  const reading = (async () => {
    const { signal } = stopped;
    const response = await fetch(`http://docker/events?filters=${filters}`, { client, signal });
    let rest = "";
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines.filter((l) => l.trim() !== "")) {
        const { Actor: { Attributes } } = JSON.parse(line);
        if (Attributes.exitCode === String(SAW_A_WRITER)) {
          alarms.push(`${Attributes["rune.io/instance"]} saw its volume being written`);
        }
      }
    }
  })().catch((error) => {
    if (!stopped.signal.aborted) throw error;
  });
  return {
    alarms,
    async stop() {
      stopped.abort();
      await reading;
      client.close();
    },
  };
}
