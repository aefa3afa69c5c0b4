/**
 * Finds which process listens on a port of this host, so that an error names it instead of guessing. @module
 */

/** The process that listens on a port. */
export interface PortHolder {
  pid: number;
  /** The name of its program; for Caddy, its whole command. */
  command: string;
  /** Its working directory, if it can be read. */
  dir?: string;
}

/** The states in `/proc/net` of a listening TCP socket and of an unconnected UDP socket. */
const LISTENING = ["0A", "07"];

/** Inodes of the sockets that listen on a port, from a table in the format of `/proc/net/tcp` (proc(5)). */
export function listeningInodes(table: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").slice(1).flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    return LISTENING.includes(fields[3]!) && fields[1]?.endsWith(`:${wanted}`) ? [fields[9]!] : [];
  });
}

async function holds(pid: string, sockets: Set<string>): Promise<boolean> {
  try {
    for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
      const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
      if (sockets.has(target)) return true;
    }
  } catch {
    // It ended, or we may not look into it.
  }
  return false;
}

/** The process that holds a port, if it can be found: without root, only our own processes can. */
export async function findPortHolder(
  port: number,
  protocol: "tcp" | "udp" = "tcp",
): Promise<PortHolder | undefined> {
  return (await findPortUse(port, protocol))?.holder;
}

/**
 * Whether a port is in use, and by which process if that can be found. Returns undefined if the port is free.
 */
export async function findPortUse(
  port: number,
  protocol: "tcp" | "udp",
): Promise<{ holder?: PortHolder } | undefined> {
  const tables = await Promise.all(
    [protocol, `${protocol}6`].map((name) => Deno.readTextFile(`/proc/net/${name}`).catch(() => "")),
  );
  const sockets = new Set(
    tables.flatMap((t) => listeningInodes(t, port)).map((inode) => `socket:[${inode}]`),
  );
  if (sockets.size === 0) return undefined;
  for await (const { name: pid } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(pid) || !await holds(pid, sockets)) continue;
    const argv = (await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "")).split("\0").filter(
      Boolean,
    );
    const program = argv[0]?.split("/").at(-1) ?? "?";
    const dir = await Deno.readLink(`/proc/${pid}/cwd`).catch(() => undefined);
    const holder = {
      pid: Number(pid),
      // The arguments of other programs may hold secrets, and anyone with access to the service sees this
      // message.
      command: program === "caddy" ? ["caddy", ...argv.slice(1)].join(" ") : program,
      ...(dir !== undefined && { dir }),
    };
    return { holder };
  }
  return {};
}
