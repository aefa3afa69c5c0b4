/**
 * The one place of the drivers that runs commands of the host. Each function is one command with a fixed list
 * of arguments (no shell), takes an AbortSignal that ends the command, and throws only RuneError: the
 * command's own sentence, and a code. A cancelled command is known to have ended when its function throws.
 * @module
 */
import { type ErrorCode, RuneError } from "../model/error.ts";
import { abortError, checkAborted, hostError } from "./host_error.ts";

/** How a command is run. */
export interface RunOptions {
  /** What it does, as a noun: `mount of /dev/sdb`. */
  what: string;
  signal: AbortSignal;
  /** Exit codes that are answers, besides 0. */
  accept?: number[];
  /** What other exit codes mean; `unavailable` when not listed. */
  codes?: Record<number, ErrorCode>;
  /**
   * It may take long and is worth nothing without us: killed together with this process, where the host can.
   */
  endsWithUs?: boolean;
}

// e2fsprogs print their version before what they have to say.
const BANNER = /^(mke2fs|resize2fs|e2fsck) \d/;

function sentence(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim()).filter((line) => line && !BANNER.test(line));
  return (lines[0] ?? "it gave no reason").slice(0, 300);
}

// Services often run with a PATH that lacks the places where mkfs and blkid live.
const SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

const searchPath = () => [Deno.env.get("PATH"), SYSTEM_PATH].filter(Boolean).join(":");

/** Starts a command whose data is streamed; its caller reads stderr and waits for its end. */
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

/** Runs a command to its end. @throws {RuneError} where its exit code is not an answer. */
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
    const reason = sentence(decoder.decode(output.stderr));
    throw new RuneError(
      options.codes?.[code] ?? "unavailable",
      `${what} failed: ${reason} (${command}, exit code ${code})`,
    );
  }
  return { code, stdout: decoder.decode(output.stdout) };
}

let bindable: boolean | undefined;

/** Whether a command can be made to end with the process that runs it. */
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
 * Copies a tree with all that `cp -a` keeps: owners, modes, times, xattrs, ACLs, links, holes, fifos,
 * sockets. Blocks are shared where the filesystem can. `target` must not exist. An interrupted copy leaves a
 * part of it; one whose daemon was killed ends with it, where the host has setpriv(1).
 */
export async function copyTree(
  source: string,
  options: { target: string; signal: AbortSignal },
): Promise<void> {
  const { target, signal } = options;
  // Holes are kept (--sparse=auto, the default) and none are made: blocks of zeros were given out for a
  // reason.
  await run("cp", ["-a", "--reflink=auto", "-T", "--", source, target], {
    what: `copy of ${source}`,
    signal,
    endsWithUs: true,
  });
}

/** Removes a tree; what is mounted inside it stays, and is an error. Done when it is gone already. */
export async function removeTree(path: string, signal: AbortSignal): Promise<void> {
  await run("rm", ["-rf", "--one-file-system", "--", path], { what: `removal of ${path}`, signal });
}

/**
 * Bytes that a tree takes on disk; files with several links count once, files that go meanwhile may or may
 * not.
 */
export async function diskUsage(path: string, signal: AbortSignal): Promise<number> {
  const { stdout } = await run("du", ["-s", "--block-size=1", "--", path], {
    what: `measuring of ${path}`,
    signal,
    // Files that went while it ran: the sum is still printed.
    accept: [1],
  });
  const bytes = parseInt(stdout, 10);
  if (Number.isNaN(bytes)) {
    throw new RuneError("unavailable", `measuring of ${path} failed: du printed no sum`);
  }
  return bytes;
}

/** The identifier that the filesystem of `path` gives to statfs(2), in hexadecimal. */
export async function filesystemId(path: string, signal: AbortSignal): Promise<string> {
  const { stdout } = await run("stat", ["-f", "-c", "%i", "--", path], {
    what: `look at the filesystem of ${path}`,
    signal,
  });
  return stdout.trim();
}

/** Writes everything of the filesystem that holds `path` to disk, so that it survives a power cut. */
export async function syncFilesystem(path: string, signal: AbortSignal): Promise<void> {
  await run("sync", ["--file-system", "--", path], { what: `sync of ${path}`, signal });
}

/** One line of the mount table. */
export interface MountEntry {
  /** What `/proc/<pid>/fdinfo` calls `mnt_id`. */
  id: string;
  /** `major:minor` of the filesystem. */
  device: string;
  /** The directory of the filesystem that is shown: `/`, or another for a bind mount. */
  root: string;
  mountPoint: string;
  fsType: string;
  /** A device, or a name that the filesystem chose. */
  source: string;
  readOnly: boolean;
}

/** Everything that is mounted. */
export async function listMounts(): Promise<MountEntry[]> {
  return parseMountInfo(await Deno.readTextFile("/proc/self/mountinfo"));
}

/**
 * What is mounted at exactly this path, the last one when several are stacked.
 *
 * @param path Absolute, without symbolic links.
 */
export async function findMount(path: string): Promise<MountEntry | undefined> {
  const table = await Deno.readTextFile("/proc/self/mountinfo");
  return parseMountInfo(table).findLast((mount) => mount.mountPoint === path);
}

/** Reads a mount table in the form of `/proc/self/mountinfo` (proc(5)). */
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
 * Mounts an empty filesystem in memory on an existing directory, which stays closed to everybody but its
 * owner.
 *
 * @param options.source its name in the mount table, by which {@linkcode findMemory} finds it wherever it is.
 */
export async function mountMemory(
  directory: string,
  { bytes, source, signal }: { bytes: number; source: string; signal: AbortSignal },
): Promise<void> {
  const options = `size=${bytes},mode=0700,nosuid,nodev,noexec`;
  const what = `mount of a filesystem in memory on ${directory}`;
  await run("mount", ["-t", "tmpfs", "-o", options, "--", source, directory], { what, signal });
}

/** Where filesystems in memory of this source are mounted, whole; not what shows a part of one elsewhere. */
export async function findMemory(source: string): Promise<string[]> {
  const table = await Deno.readTextFile("/proc/self/mountinfo");
  return parseMountInfo(table).filter((m) => m.fsType === "tmpfs" && m.source === source && m.root === "/")
    .map(({ mountPoint }) => mountPoint);
}

/**
 * Shows a directory at another one. The kernel is asked for `source` as it is written: a path below
 * `/proc/<pid>/fd` leads to what is open there, whatever has become of its name.
 */
export async function bindDirectory(
  source: string,
  { directory, signal }: { directory: string; signal: AbortSignal },
): Promise<void> {
  const what = `bind mount of ${source} on ${directory}`;
  await run("mount", ["--no-canonicalize", "--bind", "--", source, directory], { what, signal });
}

/**
 * Takes a mount out of the tree at once; what it shows is freed when the last one who has it open lets go.
 */
export async function detachMount(directory: string, signal: AbortSignal): Promise<void> {
  await run("umount", ["--lazy", "--", directory], { what: `unmount of ${directory}`, signal });
}

/** Unmounts the filesystem mounted at a directory. */
export async function unmountDirectory(directory: string, signal: AbortSignal): Promise<void> {
  await run("umount", ["--", directory], { what: `unmount of ${directory}`, signal });
}
