/**
 * The host's programs that the process runner executes, found once by name in the system's own directories.
 * @module
 */
import { RuneError } from "../../model/error.ts";

/** The directories of system programs, whatever the PATH of a run or the daemon. */
export const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Finds the file of a command in a PATH; undefined if there is none. Relative directories are skipped. */
export async function searchPath(name: string, path: string): Promise<string | undefined> {
  for (const dir of path.split(":")) {
    if (dir.startsWith("/") && await isExecutable(`${dir}/${name}`)) return `${dir}/${name}`;
  }
  return undefined;
}

/** Whether a path is a file that somebody may execute. */
export async function isExecutable(path: string): Promise<boolean> {
  const info = await Deno.stat(path).catch(() => undefined);
  return info?.isFile === true && ((info.mode ?? 0) & 0o111) !== 0;
}

/** Finds the path of a system program. @throws {RuneError} `failed_precondition` if it is not installed. */
export async function findTool(name: string): Promise<string> {
  const path = await searchPath(name, SYSTEM_PATH);
  if (path === undefined) {
    throw new RuneError("failed_precondition", `the program ${name} is not installed on this host`, {
      hint: "install util-linux and coreutils",
    });
  }
  return path;
}
