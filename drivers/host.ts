/**
 * Runs commands of the host for drivers. Each function is one command with a fixed list of arguments and no
 * shell. It takes an AbortSignal that ends the command, and throws only RuneErrors with the command's own
 * sentence. When it throws after an abort, the command has ended.
 * @module
 */
import { RuneError } from "../model/error.ts";
import { abortError, checkAborted, hostError } from "./host_error.ts";

/** A command that ended with an exit code that means a failure. */
export interface CommandFailure {
  code: number;
  /** What failed, and why in the command's own words. */
  message: string;
}

/** Options for a command. */
export interface RunOptions {
  /** What the command does, as a noun: `mount of /dev/sdb`. */
  what: string;
  signal: AbortSignal;
  /** Exit codes besides 0 that are no failures. */
  accept?: number[];
  /** The error of a failure. Default: `unavailable`, with the failure's message. */
  toError?: (failure: CommandFailure) => RuneError | undefined;
  /**
   * Kill the command when this process dies, if the host supports it. For long commands that are useless
   * without the daemon.
   */
  endsWithUs?: boolean;
}

// e2fsprogs print their version before their message.
const BANNER = /^(mke2fs|resize2fs|e2fsck) \d/;

/** The first line of a command's output that says something. */
export function sentence(text: string): string | undefined {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line && !BANNER.test(line));
  return lines[0]?.slice(0, 300);
}

// Services often run with a PATH without the directories of mkfs and blkid.
const SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

const searchPath = () => [Deno.env.get("PATH"), SYSTEM_PATH].filter(Boolean).join(":");

/** Starts a command that streams data. The caller reads stderr and waits for its end. */
export function spawnHost(
  command: string,
  args: string[],
  { what, signal, stdin }: { what: string; signal: AbortSignal; stdin: "null" | "piped" },
): Deno.ChildProcess {
  try {
    return new Deno.Command(command, {
      args,
      signal,
      clearEnv: true,
      env: { LC_ALL: "C", PATH: searchPath() },
      stdin,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    throw notStarted(command, what, error);
  }
}

function notStarted(command: string, what: string, error: unknown): RuneError {
  if (!(error instanceof Deno.errors.NotFound)) return hostError(what, error);
  return new RuneError("failed_precondition", `${what} failed: the command ${command} is not installed`, {
    hint: `install the package that has ${command}, then try again`,
    cause: error,
  });
}

/** Runs a command to its end. @throws {RuneError} if its exit code means a failure. */
export async function run(
  command: string,
  args: string[],
  options: RunOptions,
): Promise<{ code: number; stdout: string }> {
  const { what, signal } = options;
  checkAborted(what, signal);
  let output: Deno.CommandOutput;
  try {
    const bound = options.endsWithUs && canBindToParent();
    output = await new Deno.Command(bound ? "setpriv" : command, {
      args: bound ? ["--pdeathsig", "KILL", "--", command, ...args] : args,
      signal,
      clearEnv: true,
      env: { LC_ALL: "C", PATH: searchPath() },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
  } catch (error) {
    throw notStarted(command, what, error);
  }
  const { code, success } = output;
  if (!success && signal.aborted) throw abortError(what, signal);
  const decoder = new TextDecoder();
  if (!success && !options.accept?.includes(code)) {
    const reason = sentence(decoder.decode(output.stderr)) ?? sentence(decoder.decode(output.stdout)) ??
      "it gave no reason";
    const message = `${what} failed: ${reason} (${command}, exit code ${code})`;
    throw options.toError?.({ code, message }) ?? new RuneError("unavailable", message);
  }
  return { code, stdout: decoder.decode(output.stdout) };
}

let bindable: boolean | undefined;

/** Whether the host can kill a command together with this process. */
function canBindToParent(): boolean {
  return bindable ??= searchPath().split(":").some((directory) => {
    try {
      return Deno.statSync(`${directory}/setpriv`).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * Copies a tree with everything that `cp -a` keeps: owners, modes, times, xattrs, ACLs, links, holes, fifos,
 * sockets. The copy shares blocks if the filesystem supports it. `target` must not exist. An interrupted copy
 * leaves a part. If the daemon is killed, the copy ends too, if the host has setpriv(1).
 */
export async function copyTree(
  source: string,
  options: { target: string; signal: AbortSignal },
): Promise<void> {
  const { target, signal } = options;
  // Holes stay (--sparse=auto, the default), and blocks of zeros do not become holes, since a program may
  // have reserved them.
  await run("cp", ["-a", "--reflink=auto", "-T", "--", source, target], {
    what: `copy of ${source}`,
    signal,
    endsWithUs: true,
  });
}

/**
 * Removes a tree. Fails if something is mounted inside it, and leaves that alone. Does nothing if the tree is
 * gone.
 */
export async function removeTree(path: string, signal: AbortSignal): Promise<void> {
  await run("rm", ["-rf", "--one-file-system", "--", path], { what: `removal of ${path}`, signal });
}

/**
 * Measures the disk usage of a tree in bytes. Hard links count once; files that are removed during the call
 * may or may not count.
 */
export async function diskUsage(path: string, signal: AbortSignal): Promise<number> {
  const { stdout } = await run("du", ["-s", "--block-size=1", "--", path], {
    what: `measuring of ${path}`,
    signal,
    // du prints the sum even if files were removed while it ran.
    accept: [1],
  });
  const bytes = parseInt(stdout, 10);
  if (Number.isNaN(bytes)) {
    throw new RuneError("unavailable", `measuring of ${path} failed: du printed no sum`);
  }
  return bytes;
}

/** The id of the filesystem of `path` from statfs(2), in hexadecimal. */
export async function filesystemId(path: string, signal: AbortSignal): Promise<string> {
  const { stdout } = await run("stat", ["-f", "-c", "%i", "--", path], {
    what: `look at the filesystem of ${path}`,
    signal,
  });
  return stdout.trim();
}

/** Syncs the filesystem of `path`, so that its data survives a power cut. */
export async function syncFilesystem(path: string, signal: AbortSignal): Promise<void> {
  await run("sync", ["--file-system", "--", path], { what: `sync of ${path}`, signal });
}

/** An entry of the mount table. */
export interface MountEntry {
  /** The id of the mount, which `/proc/<pid>/fdinfo` calls `mnt_id`. */
  id: string;
  /** The device of the filesystem, `major:minor`. */
  device: string;
  /** The directory of the filesystem that is mounted: `/`, or another one for a bind mount. */
  root: string;
  mountPoint: string;
  fsType: string;
  /** The device, or a name that depends on the filesystem. */
  source: string;
  readOnly: boolean;
}

/** Reads the mount table. */
export async function listMounts(): Promise<MountEntry[]> {
  return parseMountInfo(await Deno.readTextFile("/proc/self/mountinfo"));
}

/**
 * Finds the mount at exactly this path; the last one if several are stacked.
 *
 * @param path Absolute, without symbolic links.
 */
export async function findMount(path: string): Promise<MountEntry | undefined> {
  const table = await Deno.readTextFile("/proc/self/mountinfo");
  return parseMountInfo(table).findLast((mount) => mount.mountPoint === path);
}

/** Parses a mount table in the format of `/proc/self/mountinfo` (proc(5)). */
export function parseMountInfo(table: string): MountEntry[] {
  const unescape = (text: string) =>
    text.replace(/\\([0-7]{3})/g, (_, o) => String.fromCharCode(parseInt(o, 8)));
  return table.split("\n").filter((line) => line !== "").map((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [id = "", , device = "", root = "", mountPoint = "", options = ""] = left.split(" ");
    const [fsType = "", source = ""] = right.split(" ");
    return {
      id,
      device,
      root: unescape(root),
      mountPoint: unescape(mountPoint),
      fsType,
      source: unescape(source),
      readOnly: options.split(",").includes("ro"),
    };
  });
}

/**
 * Mounts an empty tmpfs on an existing directory. Only the owner can enter it.
 *
 * @param options.source its name in the mount table, by which {@linkcode findMemory} finds it.
 */
export async function mountMemory(
  directory: string,
  { bytes, source, signal }: { bytes: number; source: string; signal: AbortSignal },
): Promise<void> {
  const options = `size=${bytes},mode=0700,nosuid,nodev,noexec`;
  const what = `mount of a filesystem in memory on ${directory}`;
  await run("mount", ["-t", "tmpfs", "-o", options, "--", source, directory], { what, signal });
}

/** Finds where tmpfs mounts with this source are mounted, but not bind mounts of their directories. */
export async function findMemory(source: string): Promise<string[]> {
  const table = await Deno.readTextFile("/proc/self/mountinfo");
  return parseMountInfo(table).filter((m) => m.fsType === "tmpfs" && m.source === source && m.root === "/")
    .map(({ mountPoint }) => mountPoint);
}

/**
 * Bind-mounts a directory on another one. The kernel gets `source` unchanged: a path below `/proc/<pid>/fd`
 * leads to the open directory, even if its name has changed.
 */
export async function bindDirectory(
  source: string,
  { directory, signal }: { directory: string; signal: AbortSignal },
): Promise<void> {
  const what = `bind mount of ${source} on ${directory}`;
  await run("mount", ["--no-canonicalize", "--bind", "--", source, directory], { what, signal });
}

/** Detaches a mount at once. The kernel frees it when nothing uses it any more. */
export async function detachMount(directory: string, signal: AbortSignal): Promise<void> {
  await run("umount", ["--lazy", "--", directory], { what: `unmount of ${directory}`, signal });
}

/** Unmounts the filesystem mounted at a directory. */
export async function unmountDirectory(directory: string, signal: AbortSignal): Promise<void> {
  const hint = `find what uses it: fuser -v -m ${directory}; Rune tries again`;
  await run("umount", ["--", directory], {
    what: `unmount of ${directory}`,
    signal,
    toError: ({ message }) => new RuneError("unavailable", message, { hint }),
  });
}
