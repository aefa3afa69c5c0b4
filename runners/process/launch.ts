/** Plans how to execute the command of a run, and refuses specs that this host cannot fulfil. @module */
import { isAbsolute, join, resolve } from "node:path";
import { RuneError } from "../../model/error.ts";
import { MAX_ENVIRONMENT } from "../../model/limits.ts";
import type { RunMount, RunSpec } from "../runner.ts";
import { planPrivileges, type Privileges } from "./privileges.ts";
import { canReach, type Looker, onHost } from "./reach.ts";
import { isExecutable, SYSTEM_PATH } from "./tools.ts";

/** The data that executing commands of a run requires. */
export interface Launch {
  /**
   * The executable, as its user finds it in the run's view: a path, or a name to be found in `PATH`. Then its
   * arguments.
   */
  command: string[];
  workdir: string;
  /** The whole environment of the command. Helpers do not get it. */
  env: Record<string, string>;
  privileges: Privileges;
  /**
   * Whether the run shares the host's view of mounts, has one of its own, or one in which only its mounts are
   * writable.
   */
  view: "shared" | "private" | "readonly";
  mounts: RunMount[];
}

/** Names that a POSIX shell can pass on. It drops others from the environment. */
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Refuses a run as its start would, as far as its user can see the host now.
 *
 * @param covered where its mounts will be. A program or working directory below them is not checked.
 * @throws {RuneError} as {@linkcode planLaunch} does.
 */
export async function rehearseLaunch(spec: RunSpec, covered: string[]): Promise<void> {
  const isCovered = (path: string) => covered.some((mount) => path === mount || path.startsWith(`${mount}/`));
  const { workdir, command = "" } = spec.process ?? {};
  const program = command.includes("/") ? resolve(workdir ?? "/", command) : undefined;
  const path = spec.env.PATH ?? SYSTEM_PATH;
  const unknown = program === undefined ? path.split(":").some(isCovered) : isCovered(program);
  await planLaunch({
    ...spec,
    mounts: [],
    ...(spec.process && {
      process: {
        ...spec.process,
        ...(unknown && { command: "/bin/sh" }),
        ...(workdir !== undefined && isCovered(workdir) && { workdir: "/" }),
      },
    }),
  });
}

/**
 * Plans a run on this host. It looks up the executable and the working directory, so that a missing one gets
 * a clear error. The rights of the run's user in its view decide what the run can access; see setup.sh.
 *
 * @param root whether the daemon is root.
 * @throws {RuneError} `invalid_argument` for fields of containers and for a command that cannot be looked up;
 * `not_found` for a missing executable, working directory or mount source; `failed_precondition` if this host
 * or this user cannot enforce something.
 */
export async function planLaunch(spec: RunSpec, root = Deno.uid() === 0): Promise<Launch> {
  const process = checkFields(spec);
  const privileges = await planPrivileges(spec, root);
  const { account, readOnlyFs } = privileges;
  const mounts = await Promise.all(spec.mounts.map(checkMount));
  if (!root) { for (const mount of mounts) checkInPlace(mount); }
  const base: Record<string, string> = {
    PATH: SYSTEM_PATH,
    HOME: account.home,
    SHELL: account.shell,
    LANG: "C.UTF-8",
    ...(account.name === "" ? {} : { USER: account.name, LOGNAME: account.name }),
  };
  const env = { ...base, ...spec.env, ...spec.secretEnv };
  const workdir = process.workdir ?? "/";
  const looker = { mounts, who: account };
  if (await canReach(workdir, looker) && !await isDirectory(onHost(workdir, mounts))) {
    throw new RuneError("not_found", `the working directory ${workdir} does not exist on this host`, {
      hint: "create it, or correct process.workdir",
      permanent: true,
    });
  }
  return {
    command: [await findCommand(process, { looker, path: env.PATH! }), ...process.args],
    workdir,
    env,
    privileges,
    // Root needs this even for mounts in place, so that none of their setuid programs and devices works in
    // the run.
    view: readOnlyFs ? "readonly" : root && mounts.length > 0 ? "private" : "shared",
    mounts,
  };
}

function checkFields(spec: RunSpec): NonNullable<RunSpec["process"]> {
  const { process } = spec;
  if (process === undefined) {
    throw new RuneError("invalid_argument", `${spec.instance} names no process to run`, {
      hint: "set process.command",
    });
  }
  for (const field of ["image", "command", "args"] as const) {
    if (spec[field] !== undefined) {
      throw new RuneError(
        "invalid_argument",
        `${field} belongs to containers, ${spec.instance} runs a process`,
        {
          hint: field === "image" ? "use either image or process" : `move it to process.${field}`,
        },
      );
    }
  }
  for (const { port, hostPort } of spec.publish) {
    if (port !== hostPort) {
      throw new RuneError("failed_precondition", `port ${port} of a process cannot appear as ${hostPort}`, {
        hint: `a process listens on the host itself: let it listen on ${hostPort}`,
      });
    }
  }
  const env = { ...spec.env, ...spec.secretEnv };
  checkVariables(env);
  checkSize(env, [process.command, ...process.args]);
  return process;
}

/** @throws {RuneError} `invalid_argument` for a variable that a process cannot have. */
export function checkVariables(env: Record<string, string>): void {
  const bad = Object.keys(env).find((name) => !VARIABLE.test(name));
  if (bad !== undefined) {
    throw new RuneError("invalid_argument", `a process cannot be given a variable named "${bad}"`, {
      hint: "use letters, digits and underscores, and no digit first",
    });
  }
  const cut = Object.keys(env).find((name) => env[name]!.includes("\0"));
  if (cut !== undefined) {
    throw new RuneError("invalid_argument", `the variable ${cut} has a zero byte in its value`, {
      hint: "no process can be given one; use a file",
    });
  }
}

/**
 * The most bytes of one argument or variable on Linux, its final NUL included (MAX_ARG_STRLEN, execve(2)).
 */
const MOST_BYTES_OF_ONE = 131_072;
/** @throws {RuneError} `invalid_argument` if the kernel would refuse the size (E2BIG). */
function checkSize(env: Record<string, string>, words: string[]): void {
  const bytes = (text: string) => new TextEncoder().encode(text).length + 1;
  const tooBig = (what: string, size: number, most: number) =>
    new RuneError("invalid_argument", `${what} takes ${size} bytes, and Linux passes on at most ${most}`, {
      hint: "put large values into a file: mount a configmap or a secret",
      permanent: true,
    });
  let all = 0;
  for (const [name, value] of Object.entries(env)) {
    const size = bytes(`${name}=${value}`);
    if (size > MOST_BYTES_OF_ONE) throw tooBig(`the variable ${name}`, size, MOST_BYTES_OF_ONE);
    all += size + 8;
  }
  for (const word of words) {
    const size = bytes(word);
    if (size > MOST_BYTES_OF_ONE) throw tooBig("an argument of the command", size, MOST_BYTES_OF_ONE);
    all += size + 8;
  }
  if (all > MAX_ENVIRONMENT) throw tooBig("the command with all of its variables", all, MAX_ENVIRONMENT);
}

async function checkMount(mount: RunMount): Promise<RunMount> {
  if (!await isDirectory(mount.source)) {
    throw new RuneError(
      "not_found",
      `${mount.source}, to be mounted at ${mount.target}, is no directory of this host`,
      {
        hint: "wait until its volume is mounted, or create the directory",
      },
    );
  }
  return mount;
}

function checkInPlace({ source, target, readOnly }: RunMount): void {
  if (source === target && !readOnly) return;
  const what = readOnly ? `${target} read-only` : `${source} at ${target}`;
  throw new RuneError("failed_precondition", `a daemon that is not root cannot mount ${what} for a process`, {
    hint: readOnly
      ? "run the daemon as root, use a container, or mount it read-write"
      : `run the daemon as root, use a container, or set mountPath to ${source}`,
  });
}

/**
 * Looks up the command as far as its user can reach. setup.sh reports everything beyond.
 */
async function findCommand(
  process: NonNullable<RunSpec["process"]>,
  { looker, path }: { looker: Looker; path: string },
): Promise<string> {
  const { command, workdir } = process;
  if (command.includes("/")) {
    if (!isAbsolute(command) && workdir === undefined) {
      throw new RuneError("invalid_argument", `"${command}" is relative to nothing`, {
        hint: "give an absolute path, a name to be found in PATH, or process.workdir",
      });
    }
    const file = isAbsolute(command) ? command : join(workdir!, command);
    if (!await canReach(file, looker) || await isExecutable(onHost(file, looker.mounts))) return file;
    throw noExecutable(
      `${file} is not an executable file of this host${await whyNot(onHost(file, looker.mounts))}`,
    );
  }
  // Passed on as a name, since only its user can find the file.
  for (const directory of path.split(":")) {
    const file = `${directory}/${command}`;
    if (!directory.startsWith("/") || !await canReach(file, looker)) continue;
    if (await isExecutable(onHost(file, looker.mounts))) return command;
  }
  throw noExecutable(`the executable "${command}" was not found in PATH (${path})`);
}

async function whyNot(path: string): Promise<string> {
  const found = await Deno.stat(path).catch(() => undefined);
  if (found === undefined) return ": there is none";
  return found.isDirectory ? ": it is a directory" : ": nobody is permitted to execute it (chmod +x)";
}

function noExecutable(message: string): RuneError {
  return new RuneError("not_found", message, {
    hint: "install it, make it executable, or correct process.command",
    permanent: true,
  });
}

async function isDirectory(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => undefined))?.isDirectory === true;
}
