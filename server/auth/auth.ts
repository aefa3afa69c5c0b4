/**
 * The gate in front of every route. It authenticates and authorizes the caller, writes the audit log, and
 * ends streams when the right to them ends.
 * @module
 */
import { RuneError, toRuneError } from "../../model/error.ts";
import type { Store } from "../../store/store.ts";
import { isLoopback } from "../http/guard.ts";
import { HTTP_STATUS, problemResponse, toProblem } from "../http/problem.ts";
import { type Access, accessOf, extraVerbs } from "./access.ts";
import type { Audit } from "./audit.ts";
import { makeDenial } from "./authority.ts";
import { isBootstrapped, ownerOf, rulesOfUser } from "./identities.ts";
import { createOpenCount } from "./open_count.ts";
import { ANYBODY, NOBODY, type Principal, principalOf } from "./principal.ts";
import { createRateLimit } from "./rate_limit.ts";
import type { Sessions } from "./sessions.ts";
import { endWith } from "./stream_end.ts";
import { isLive, isSecretOf, parseToken } from "./tokens.ts";
import type { Route } from "./route.ts";

/** Settings of the gate. */
export interface AuthSettings {
  /** If false, anyone who reaches the daemon may do everything. */
  enabled: boolean;
  /** Whether other machines may call `/v1/admin`. */
  allowRemoteAdmin: boolean;
}

/** Dependencies of the gate. */
export interface AuthDeps extends AuthSettings {
  store: Store;
  audit: Audit;
  sessions: Sessions;
  /** The clock, in milliseconds since the epoch; tests pass their own. */
  now?: () => number;
}

/** A request on its way to a route. */
export interface Incoming {
  request: Request;
  params: Record<string, string>;
  requestId: string;
  /** Address of the peer, taken from the connection and never from a header. */
  peer: string;
}

/** What a handler knows about its caller. */
export interface Caller {
  principal: Principal;
  peer: string;
  /** Adds to the audit record what the request is about, where the path does not say it. */
  note(what: string): void;
  /** Records a refusal that came after the answer had begun. Ignores other errors. */
  recordRefusal(error: unknown): void;
}

/** The gate. */
export interface Auth {
  readonly enabled: boolean;
  /** The audit log, for the route that reads it. */
  readonly audit: Audit;
  /** Passes a permitted request to `handle`. @throws {RuneError} the refusal of any other. */
  guard(
    endpoint: Route,
    incoming: Incoming,
    handle: (caller: Caller) => Promise<Response>,
  ): Promise<Response>;
  /** Requires a valid token for a request that matches no endpoint. */
  requireAuthenticated(incoming: Incoming): void;
}

/** Headers that a proxy adds. If one is present, the peer is the proxy and not the caller. */
const PROXIED = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/** Whether a request comes from this machine itself. */
export function isLocal({ request, peer }: Incoming): boolean {
  return isLoopback(peer.replace(/^::ffff:/i, "")) && !PROXIED.some((name) => request.headers.has(name));
}

const MAX_TOKEN_LENGTH = 256;

function bearer(request: Request): string | undefined {
  const header = request.headers.get("authorization");
  if (header === null || header.length > MAX_TOKEN_LENGTH) return header === null ? undefined : "";
  return /^bearer ([^\s]+)$/i.exec(header)?.[1] ?? "";
}

/** How many event streams one user may have open at a time. */
const MAX_STREAMS = 256;

/** Creates the gate. */
export function createAuth(deps: AuthDeps): Auth {
  const { store, audit, sessions, enabled, allowRemoteAdmin, now = Date.now } = deps;
  const streams = createOpenCount({ max: MAX_STREAMS, what: "event streams" });
  const failures = createRateLimit();
  /** Limits the refusals in the audit log, so that nobody can push everything else out of it. */
  const noise = createRateLimit();

  function authenticate({ request, peer }: Incoming): Principal {
    if (!enabled) return ANYBODY;
    const text = bearer(request);
    if (text === undefined) {
      const hint = isBootstrapped(store, now())
        ? "run: rune login <context> --server <address> --token-stdin, or set RUNE_TOKEN"
        : "this daemon has no tokens yet: run rune admin bootstrap on its machine";
      throw new RuneError("unauthenticated", "this daemon requires a token", { hint });
    }
    // The token is verified before failures are counted, so that a caller is not locked out by somebody who
    // guesses from the same address. A lookup and one hash of 43 characters cost less than the request
    // itself.
    const parts = parseToken(text);
    const token = parts && store.get("token", "", parts.id);
    const proven = isSecretOf(parts?.secret ?? "", token);
    const user = token && ownerOf(store, token);
    if (!proven || !token || !user || !isLive(token, now())) {
      const waitMs = failures.waitMs(peer);
      if (waitMs > 0) throw new RateLimited(waitMs);
      failures.fail(peer);
      throw new RuneError("unauthenticated", "this token is unknown, revoked or expired", {
        hint: "log in with another one: rune login <context> --token-stdin",
      });
    }
    const { name, spec: { expiresAt } } = token;
    return principalOf({
      name: user.name,
      type: user.spec.type,
      ...(user.spec.namespace !== undefined && { namespace: user.spec.namespace }),
      policies: user.spec.policies,
      rules: rulesOfUser(store, user.spec),
      token: { id: name, ...(expiresAt !== undefined && { expiresAt }) },
      ended: sessions.signalOf(token),
    });
  }

  function authorize(
    access: Access | undefined,
    principal: Principal,
    incoming: Incoming,
    endpoint: Route,
  ): void {
    if (!access) {
      throw new RuneError("permission_denied", `no rule permits ${endpoint.method} ${endpoint.path}`, {
        hint: "this is a bug in rune: the route has no rule in server/auth/access.ts",
      });
    }
    const { params } = incoming;
    if (endpoint.path.startsWith("/v1/admin/") && enabled && !allowRemoteAdmin && !isLocal(incoming)) {
      throw new RuneError("permission_denied", "administration works only on the machine of this daemon", {
        hint: "run the command there, or set auth.allowRemoteAdmin: true in the runefile",
      });
    }
    if (access.who === "somewhere" && !principal.maySomewhere(access)) {
      throw makeDenial(principal.name, { ...access, namespace: "" });
    }
    if (access.who === "permitted") principal.permit({ ...access, namespace: namespaceOf(access, params) });
    const search = new URL(incoming.request.url).searchParams;
    for (const extra of extraVerbs(endpoint, search)) {
      const cluster = extra.verb === "storageclasses.set-default" || access.who === "somewhere";
      const namespace = cluster ? "" : params.namespace ?? "";
      if (
        access.who === "somewhere" ? principal.maySomewhere(extra) : principal.may({ ...extra, namespace })
      ) continue;
      throw makeDenial(principal.name, { ...extra, namespace });
    }
  }

  return {
    enabled,
    audit,
    requireAuthenticated: (incoming) => void authenticate(incoming),
    async guard(endpoint, incoming, handle) {
      const { request, requestId, peer } = incoming;
      const access = accessOf(endpoint);
      let what: string | undefined;
      const note = (text: string) => void (what = text);
      const open = access?.who === "anyone" || access?.who === "loopback";
      let principal = enabled ? NOBODY : ANYBODY;
      const record = () => ({
        at: new Date(now()).toISOString(),
        requestId,
        user: principal.name,
        ...(principal.token && { token: principal.token.id }),
        address: peer,
        method: request.method,
        path: new URL(request.url).pathname,
      });
      try {
        if (!open) principal = authenticate(incoming);
        if (access?.who === "loopback" && !isLocal(incoming)) {
          throw new RuneError("permission_denied", "bootstrap works only on the machine of this daemon", {
            hint: "run rune admin bootstrap there",
          });
        }
        authorize(access, principal, incoming, endpoint);
      } catch (error) {
        recordRefusal(error);
        throw error;
      }
      const audited = request.method !== "GET" || endpoint.path.endsWith("/exec");
      const end = audited ? audit.begin(record()) : undefined;
      try {
        const response = await handle({ principal, peer, note, recordRefusal: recordLate });
        const outcome = response.status < 400 ? "ok" : "failed";
        end?.({ outcome, status: response.status, ...(what !== undefined && { what }) });
        return endWith(response, {
          signal: principal.ended,
          requestId,
          enter: () => streams.enter(principal.name),
        });
      } catch (error) {
        const { code } = toRuneError(error);
        const denied = code === "permission_denied" || code === "unauthenticated";
        const ending = { status: HTTP_STATUS[code], code, ...(what !== undefined && { what }) };
        if (end) end({ outcome: denied ? "denied" : "failed", ...ending });
        else if (denied) audit.record({ ...record(), outcome: "denied", ...ending });
        throw error;
      }

      function recordLate(error: unknown): void {
        const { code } = toRuneError(error);
        if (code === "permission_denied" || code === "unauthenticated") recordRefusal(error);
      }

      function recordRefusal(error: unknown): void {
        const { code } = toRuneError(error);
        if (principal.token === undefined) {
          if (noise.waitMs(peer) > 0) return;
          noise.fail(peer);
        }
        audit.record({ ...record(), outcome: "denied", status: HTTP_STATUS[code], code });
      }
    },
  };
}

function namespaceOf(access: Extract<Access, { who: "permitted" }>, params: Record<string, string>): string {
  if (access.at === "cluster") return "";
  return (access.at === "name" ? params.name : params.namespace) ?? "";
}

/** Refuses an address after too many failed attempts. */
export class RateLimited extends RuneError {
  /** Whole seconds until the next attempt. */
  readonly retryAfter: number;

  constructor(waitMs: number) {
    const retryAfter = Math.max(1, Math.ceil(waitMs / 1000));
    super("rate_limited", "too many failed attempts from this address", {
      hint: `a valid token works at once; try another token in ${retryAfter} s`,
    });
    this.retryAfter = retryAfter;
  }
}

/** Answers with the problem document of an error, and with `retry-after` for a rate limit. */
export function refusalResponse(error: unknown, requestId: string): Response {
  const headers: Record<string, string> = {};
  if (error instanceof RateLimited) headers["retry-after"] = String(error.retryAfter);
  const problem = toProblem(error, requestId);
  if (problem.code === "unauthenticated") headers["www-authenticate"] = 'Bearer realm="rune"';
  return problemResponse(problem, { headers });
}
