/**
 * Finds containers that ran out of memory in the kernel log. The Engine learns of it separately from the end
 * of the container. If the end comes first, as in about one of ten cases, the Engine never reports it.
 * @module
 */
import { SYSTEM_PATH } from "../process/tools.ts";

/** Whether a kernel log says that the memory limit of the container with this id killed a process. */
export function tellsOfLimit(log: string, id: string): boolean {
  // oom-kill:constraint=CONSTRAINT_MEMCG,…,oom_memcg=/docker/<id>,…, or …/docker-<id>.scope if systemd
  // creates the groups.
  return log.split("\n").some((line) => line.includes("oom-kill:") && line.includes(id));
}

/** {@linkcode tellsOfLimit} for this host's log; false if the log may not be read. */
export async function kernelKilledForMemory(id: string): Promise<boolean> {
  try {
    const options = { clearEnv: true, env: { PATH: SYSTEM_PATH }, stdin: "null", stderr: "null" } as const;
    const { stdout } = await new Deno.Command("dmesg", options).output();
    return tellsOfLimit(new TextDecoder().decode(stdout), id);
  } catch {
    return false;
  }
}
