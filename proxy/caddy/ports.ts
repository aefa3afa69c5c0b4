/** Whether the ports of the proxy can be had. Asked before Caddy listens, as Caddy would share a port without a word. @module */
import { RuneError } from "../../spec/error.ts";
import { listenAddresses, type ServingOptions } from "./config.ts";

/** What a configuration listens on. */
export function listensOn(config: unknown): string[] {
  const { apps } = config as { apps?: { http?: { servers?: Record<string, { listen?: string[] }> } } };
  return Object.values(apps?.http?.servers ?? {}).flatMap(({ listen }) => listen ?? []);
}

/**
 * Checks that each port is free, or ours already.
 *
 * @param held addresses that our own Caddy listens on.
 * @throws {RuneError} `failed_precondition` with what to do.
 */
export function checkPorts(serving: ServingOptions, held: string[]): void {
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
      const reason = taken ? "it is in use" : cause instanceof Error ? cause.message : String(cause);
      throw new RuneError("failed_precondition", `port ${port} cannot be had for host names: ${reason}`, {
        hint: taken
          ? `stop what listens there (ss -ltnp 'sport = :${port}'; Debian's own: systemctl disable --now caddy), ` +
            `or set expose.${setting} in the runefile`
          : `run the daemon as root, or set expose.${setting} in the runefile to a port above 1023`,
        cause,
      });
    }
  }
}
