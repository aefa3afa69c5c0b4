/** Starts the wrapper of a run; see records.ts for how it becomes, or does not become, the run. @module */
import { RuneError } from "../../spec/error.ts";
import { type Launch, prepareMountPoints } from "./launch.ts";
import type { RunFiles } from "./records.ts";
import { findTool, SYSTEM_PATH } from "./tools.ts";

/**
 * Spawns a wrapper in a session of its own, as nobody's child, and returns when the claim is decided: runs are watched
 * the same way whether this daemon or an earlier one started them, and none is a handle to keep open.
 *
 * @param procs `cgroup.procs` files that the wrapper joins.
 * @throws {RuneError} `unavailable` when no process can be made.
 */
export async function spawnWrapper(
  files: RunFiles,
  { root, launch, procs }: { root: string; launch: Launch; procs: string[] },
): Promise<void> {
  const mounts = launch.view === "shared" ? [] : await prepareMountPoints(launch.mounts);
  const setup = [
    "/bin/sh",
    `${root}/setup.sh`,
    launch.env.PATH!,
    launch.workdir,
    launch.view,
    ...mounts.flatMap((m) => [m.source, m.target, m.readOnly ? "ro" : "rw"]),
    "--",
    ...launch.privileges,
    ...launch.command,
  ];
  const wrapper = [
    "/bin/sh",
    `${root}/wrapper.sh`,
    files.name,
    ...procs,
    "--",
    ...launch.isolation,
    ...setup,
  ];
  // The wrapper holds the pipe of its standard output until the claim is decided; nothing is written to it.
  const { code } = await new Deno.Command(await findTool("setsid"), {
    args: ["--fork", ...wrapper],
    cwd: files.dir,
    env: { ...launch.env, PATH: SYSTEM_PATH },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).output();
  if (code !== 0) {
    throw new RuneError("unavailable", `no process could be made for run ${files.name}`, {
      hint: "look for limits on processes and memory of this host",
    });
  }
}
