/**
 * Checks that the ports of the proxy are free before Caddy listens, since Caddy would silently share a port.
 * @module
 */
import { RuneError } from "../../../model/error.ts";
import { findPortHolder, type PortHolder } from "../../../base/port_holder.ts";
import { listenAddresses, type ServingOptions } from "./config.ts";

/** The addresses that a configuration listens on. */
export function listensOn(config: unknown): string[] {
  const { apps } = config as { apps?: { http?: { servers?: Record<string, { listen?: string[] }> } } };
  return Object.values(apps?.http?.servers ?? {}).flatMap(({ listen }) => listen ?? []);
}

/**
 * Checks that each port is free, or already in use by our Caddy.
 *
 * @param held the addresses that our Caddy listens on.
 * @throws {RuneError} `failed_precondition` that says what to do.
 */
export async function checkPorts(serving: ServingOptions, held: string[]): Promise<void> {
  const { http, https } = listenAddresses(serving);
  for (
    const [setting, address, port] of [
      ["httpPort", http, serving.httpPort],
      ["httpsPort", https, serving.httpsPort],
    ] as const
  ) {
    if (held.includes(address)) continue;
    try {
      Deno.listen({ hostname: serving.loopback ? "127.0.0.1" : "0.0.0.0", port }).close();
    } catch (cause) {
      const taken = cause instanceof Deno.errors.AddrInUse;
      const holder = taken ? await findPortHolder(port) : undefined;
      const by = holder ? ` by pid ${holder.pid} (${holder.command})` : "";
      const reason = taken ? `it is in use${by}` : cause instanceof Error ? cause.message : String(cause);
      throw new RuneError("failed_precondition", `port ${port} cannot be had for host names: ${reason}`, {
        hint: taken
          ? `${howToStop(holder, port)}, or set expose.${setting} in the runefile`
          : `run the daemon as root, or set expose.${setting} in the runefile to a port above 1023`,
        cause,
      });
    }
  }
}

function howToStop(holder: PortHolder | undefined, port: number): string {
  if (holder === undefined) return `stop what listens there (ss -ltnp 'sport = :${port}')`;
  const { pid, command, dir } = holder;
  if (command.startsWith("caddy run --config boot.json")) {
    return `it is the Caddy of the Rune daemon with the files in ${dir}: stop that daemon's services, or kill ${pid}`;
  }
  if (command.includes("/etc/caddy/")) return "it is Debian's Caddy: systemctl disable --now caddy";
  return `stop it (kill ${pid})`;
}
