/**
 * Refuses requests that name another host, and requests of foreign web pages. Otherwise DNS rebinding, or a
 * page in the operator's browser, could reach an API on loopback.
 * @module
 */
import { RuneError } from "../../model/error.ts";

/** The host in a `Host` header or a URL, without port, brackets and trailing dot. */
function hostname(host: string): string {
  try {
    return new URL(`http://${host}`).hostname.replace(/^\[|\]$|\.$/g, "");
  } catch {
    return "";
  }
}

/** Whether a host name or address is loopback. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || /^127(\.\d{1,3}){3}$/.test(host) ||
    host === "::1" || host === "::ffff:7f00:1";
}

const isAddress = (host: string) => host.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);

/** The host that a request names. */
export function hostOf(request: Request): string {
  return hostname(request.headers.get("host") ?? new URL(request.url).host);
}

/**
 * Refuses a request that does not name this daemon, or that a foreign web page sent.
 *
 * @param hosts names and addresses to accept besides loopback. `*` accepts every IP address, which cannot be
 * rebound; `**` accepts every name.
 * @throws {RuneError} `permission_denied`.
 */
export function checkOrigin(request: Request, hosts: string[]): void {
  const host = request.headers.get("host") ?? new URL(request.url).host;
  const name = hostname(host);
  const known = hosts.includes("**") || isLoopback(name) || hosts.includes(name) ||
    (hosts.includes("*") && isAddress(name));
  if (!known) {
    const accepted = ["localhost", ...hosts.filter((h) => h !== "*")].join(", ");
    throw new RuneError("permission_denied", `this daemon does not answer to the host "${host}"`, {
      hint: `address it as one of: ${accepted}`,
    });
  }
  const origin = request.headers.get("origin");
  if (origin !== null && (!URL.canParse(origin) || new URL(origin).host !== host)) {
    throw new RuneError("permission_denied", `requests from the web page ${origin} are not accepted`, {
      hint: "use the rune command, or a client that sends no Origin header",
    });
  }
}
