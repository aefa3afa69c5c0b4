/** Checks whether the host and the Engine see the mounts of this process. @module */

/** The flag of a listening socket in `/proc/<pid>/net/unix`. */
const LISTENING = 0x10000;

/**
 * Whether this process has another mount namespace than the host's first process, or than the Engine that
 * listens on the socket. Other processes, such as an Engine in a container, do not count, because any program
 * can have an Engine's name.
 */
export async function hasMountsOfItsOwn(engineSocket: string): Promise<boolean> {
  const viewOf = (pid: string) => Deno.readLink(`/proc/${pid}/ns/mnt`).catch(() => undefined);
  const ownView = await viewOf("self");
  const views = await Promise.all(["1", ...await enginesAt(engineSocket)].map(viewOf));
  return views.some((view) => view !== undefined && view !== ownView);
}

/** Pids of Engines on this host that listen on the socket, according to the kernel. */
async function enginesAt(socket: string): Promise<string[]> {
  const pids = (await Array.fromAsync(Deno.readDir("/proc"))).map(({ name }) => name).filter((n) =>
    /^\d+$/.test(n)
  );
  const place = await Deno.realPath(socket).catch(() => socket);
  const matches = await Promise.all(pids.map((pid) => isEngineAt(pid, place).catch(() => false)));
  return pids.filter((_, i) => matches[i]);
}

/** @throws {Deno.errors.NotFound} if the process ended meanwhile. */
async function isEngineAt(pid: string, place: string): Promise<boolean> {
  if (await Deno.readTextFile(`/proc/${pid}/comm`) !== "dockerd\n") return false;
  // A path in a container's filesystem can look like one of the host's.
  if (await Deno.readLink(`/proc/${pid}/ns/pid`) !== await Deno.readLink("/proc/self/ns/pid")) return false;
  const listening = new Set<string>();
  for (const line of (await Deno.readTextFile(`/proc/${pid}/net/unix`)).split("\n")) {
    const [, , , flags = "", , , inode = "", path] = line.split(/ +/);
    if (path === undefined || (parseInt(flags, 16) & LISTENING) === 0) continue;
    if (path === place || await Deno.realPath(path).catch(() => path) === place) {
      listening.add(`socket:[${inode}]`);
    }
  }
  if (listening.size === 0) return false;
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    if (listening.has(await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => ""))) return true;
  }
  return false;
}
