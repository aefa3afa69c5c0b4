/** CPU time, for tests of how much is computed: wall time would include other programs. @module */

/**
 * CPU time of a thread in milliseconds (proc(5), sched-stats). Some kernels count it in ticks of 4 ms.
 *
 * @param thread its directory below `/proc`: the calling thread, or a process's first thread, which runs its
 * JavaScript.
 * @throws {Deno.errors.NotFound} if there is no such thread, or no `/proc`.
 */
export function readCpuMs(thread: string = "thread-self"): number {
  return Number.parseInt(Deno.readTextFileSync(`/proc/${thread}/schedstat`)) / 1e6;
}
