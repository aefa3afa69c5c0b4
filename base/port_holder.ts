/** Which process listens on a port of this host, so that a refusal names it and not whom one would guess. @module */

/** Who listens. */
export interface PortHolder {
  pid: number;
  /** Name of its program; of a Caddy all of its command. */
  command: string;
  /** Where it runs; undefined where that cannot be told. */
  dir?: string;
}

/** The state of a TCP socket that listens, and of a UDP socket that is connected to nobody. */
const LISTENING = ["0A", "07"];

/** Inodes of the sockets that listen on a port, from a table in the form of `/proc/net/tcp` (proc(5)). */
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
    // It ended, or is not ours to look into.
  }
  return false;
}

/** The process that has a port; undefined where that cannot be told, as for others' processes without root. */
export async function findPortHolder(
  port: number,
  protocol: "tcp" | "udp" = "tcp",
): Promise<PortHolder | undefined> {
  return (await findPortUse(port, protocol))?.holder;
}

/** Whether a port is in use, and by whom where that can be told; undefined where it is free. */
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
      // The arguments of others may hold what is not for everybody who may see a service's status.
      command: program === "caddy" ? ["caddy", ...argv.slice(1)].join(" ") : program,
      ...(dir !== undefined && { dir }),
    };
    return { holder };
  }
  return {};
}
