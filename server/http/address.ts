/** Parses listen addresses of runefiles and flags: `127.0.0.1:7861`, `:7863`, `[::1]:7861`. @module */
import { RuneError } from "../../model/error.ts";
import { isLoopback } from "./guard.ts";

/** An address to listen on. */
export interface ListenAddress {
  /** Empty: every interface. */
  hostname: string;
  port: number;
}

const HINT = "write host:port, for example 127.0.0.1:7861, or :7861 for every interface";

/** Parses a listen address. @throws {RuneError} `invalid_argument` if it is not one. */
export function parseAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new RuneError("invalid_argument", `"${text}" is not a listen address`, { hint: HINT });
  }
  return { hostname: (match[1] ?? match[2] ?? "").toLowerCase(), port };
}

/** Formats the address as a URL for clients: `http://127.0.0.1:7861`. */
export function formatAddress({ hostname, port }: ListenAddress, scheme = "http"): string {
  return `${scheme}://${hostname.includes(":") ? `[${hostname}]` : hostname || "0.0.0.0"}:${port}`;
}

/** Whether only this machine can reach the address. */
export const isPrivate = ({ hostname }: ListenAddress) => isLoopback(hostname);

/** Whether the address means every interface. */
export const isWildcard = ({ hostname }: ListenAddress) =>
  hostname === "" || hostname === "0.0.0.0" || hostname === "::";

/**
 * Calls `listen` with the host of an address, or with every interface if it names none.
 *
 * @throws {RuneError} `failed_precondition` if the address cannot be used.
 */
export function checkListening<T>(address: ListenAddress, listen: (hostname: string) => T): T {
  try {
    if (address.hostname !== "") return listen(address.hostname);
    try {
      return listen("::");
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) throw error;
      // The machine has no IPv6.
      return listen("0.0.0.0");
    }
  } catch (error) {
    const taken = error instanceof Deno.errors.AddrInUse;
    const reason = taken ? "the address is in use" : error instanceof Error ? error.message : String(error);
    throw new RuneError("failed_precondition", `cannot listen on ${formatAddress(address)}: ${reason}`, {
      hint: taken
        ? "stop what listens there (is another rune serve running?), or choose another with --http-addr"
        : "choose another address with --http-addr",
      cause: error,
    });
  }
}
