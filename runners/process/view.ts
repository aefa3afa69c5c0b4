/**
 * Makes the mounts of a run from outside: mount(8) is loaded in the host's own view, and enters the run's
 * view only for the system call (its option `-N`). So no program of root is ever looked up among the mounts
 * of the run's user.
 * @module
 */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { RuneError } from "../../model/error.ts";
import type { RunMount } from "../runner.ts";
import { HELPER_ENVIRONMENT } from "./environment.ts";
import { type ProcessStat, readProcess } from "./proc.ts";
import { findTool } from "./tools.ts";

/** open(2): refers to a file without opening it. */
const O_PATH = 0o10000000;

/**
 * A view of mounts, held by a descriptor, so it stays the same even if its process ends.
 */
interface View extends Disposable {
  /** The path of the namespace. */
  namespace: string;
}

/** @throws {RuneError} `conflict` if the process has ended, or has no view of its own. */
function openView({ pid, startTime }: ProcessStat): View {
  const fd = openSync(`/proc/${pid}/ns/mnt`, "r");
  const view = { namespace: `/proc/${Deno.pid}/fd/${fd}`, [Symbol.dispose]: () => closeSync(fd) };
  const [its, own] = [fstatSync(fd), statSync("/proc/self/ns/mnt")];
  // Checked after opening, because the pid may have become another process's until then.
  if (readProcess(pid)?.startTime === startTime && its.ino !== own.ino) return view;
  view[Symbol.dispose]();
  throw new RuneError("conflict", "the process ended before its mounts were made", { hint: "try again" });
}

const UNMOUNT_TRIES = 5;

/** The requested contents of a view. */
export interface ViewPlan {
  /** In the order in which they must be made. */
  mounts: RunMount[];
  /** Whether everything except the writable `mounts` is read-only. */
  readOnly: boolean;
  /**
   * The daemon's own directories. Mounts at or below them, like volumes and secrets of others, are removed
   * from the view.
   */
  closed: readonly string[];
  signal: AbortSignal;
}

/**
 * Makes the mounts in the view of a process that waits for them.
 *
 * @throws {RuneError} `failed_precondition` with the message of mount(8).
 */
export async function makeView(process: ProcessStat, plan: ViewPlan): Promise<void> {
  const { mounts, readOnly, closed, signal } = plan;
  using view = openView(process);
  const run = async (tool: "mount" | "umount", args: string[]) =>
    await runTool(tool, { args: ["-N", view.namespace, ...args], signal });
  const mount = async (args: string[]) => await run("mount", args);
  for (const { source, target, readOnly } of mounts) {
    const options = readOnly ? "nosuid,nodev,ro" : "nosuid,nodev";
    await mount(["--bind", "-o", options, "--", source, target]);
  }
  const listHidden = () =>
    readMounts(process.pid).map(({ at }) => at).filter((at) => closed.some((dir) => isInside(at, dir)));
  for (let tries = 0; listHidden().length > 0; tries++) {
    try {
      await run("umount", ["--lazy", "--", ...listHidden().reverse()]);
    } catch (error) {
      // The host may have unmounted one in the meantime.
      if (tries >= UNMOUNT_TRIES) throw error;
    }
  }
  if (!readOnly) return;
  const writable = new Set(mounts.filter((m) => !m.readOnly).map((m) => m.target));
  const root = `/proc/${process.pid}/root`;
  for (const { id, at } of readMounts(process.pid)) {
    if (writable.has(at) || !leadsTo(`${root}${at}`, id)) continue;
    try {
      await mount(["-o", "remount,bind,ro", "--", at]);
    } catch (error) {
      // If its directory was removed on the host in the meantime, the run cannot use it either.
      if (leadsTo(`${root}${at}`, id)) throw error;
    }
  }
}

const isInside = (inner: string, outer: string) => `${inner}/`.startsWith(`${outer}/`);

async function runTool(
  tool: "mount" | "umount",
  { args, signal }: { args: string[]; signal: AbortSignal },
): Promise<void> {
  const { code, stderr } = await new Deno.Command(await findTool(tool), {
    args,
    env: HELPER_ENVIRONMENT,
    clearEnv: true,
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal,
  }).output();
  if (code === 0) return;
  throw new RuneError("failed_precondition", new TextDecoder().decode(stderr).split("\n")[0]!, {
    hint: "look at the directories that are mounted, and that util-linux is 2.35 or newer",
  });
}

/** Lists the mounts that a process sees (proc(5), mountinfo). */
function readMounts(pid: number): { id: string; at: string }[] {
  return readFileSync(`/proc/${pid}/mountinfo`, "utf8").split("\n").filter((line) => line !== "").map(
    (line) => {
      const [id, , , , at] = line.split(" ");
      const unescape = (_: string, digits: string) => String.fromCharCode(parseInt(digits, 8));
      return { id: id!, at: at!.replace(/\\([0-7]{3})/g, unescape) };
    },
  );
}

/**
 * Whether a path leads to the mount with this id. It does not if another mount covers it or a directory above
 * it: the list still contains it, but neither the daemon nor the run can reach it. Uncertain ones count as
 * reachable.
 */
function leadsTo(path: string, id: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, O_PATH);
  } catch (error) {
    return (error as { code?: string }).code !== "ENOENT";
  }
  try {
    const found = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
    return found === undefined || found === id;
  } finally {
    closeSync(fd);
  }
}
