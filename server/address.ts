/** Listen addresses as runefiles and flags write them: `127.0.0.1:7861`, `:7863`, `[::1]:7861`. @module */
import { RuneError } from "../spec/error.ts";
import { isLoopback } from "./guard.ts";

/** Where to listen. */
export interface ListenAddress {
  /** Empty: every interface. */
  hostname: string;
  port: number;
}

const HINT = "write host:port, for example 127.0.0.1:7861, or :7861 for every interface";

/** @throws {RuneError} `invalid_argument` when it is no address. */
export function parseAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new RuneError("invalid_argument", `"${text}" is not a listen address`, { hint: HINT });
  }
  return { hostname: (match[1] ?? match[2] ?? "").toLowerCase(), port };
}

/** `http://127.0.0.1:7861`: the address as a client writes it. */
export function formatAddress({ hostname, port }: ListenAddress): string {
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname || "0.0.0.0"}:${port}`;
}

/** Whether only this machine can reach the address. */
export const isPrivate = ({ hostname }: ListenAddress) => isLoopback(hostname);

/** Whether the address stands for every interface. */
export const isWildcard = ({ hostname }: ListenAddress) =>
  hostname === "" || hostname === "0.0.0.0" || hostname === "::";
