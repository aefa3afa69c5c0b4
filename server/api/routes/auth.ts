/** `/v1/auth`: whoami and bootstrap. @module */
import { newTokenView, type Whoami, whoamiView } from "../../../model/identity.ts";
import { bootstrap } from "../../auth/identities.ts";
import { warningsFor } from "../../auth/visibility.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { hostOf, isLoopback } from "../../http/guard.ts";
import { RuneError } from "../../../model/error.ts";

const PLAIN =
  "this connection is not encrypted: anyone who can listen on it can read your token; give the daemon a certificate (auth.tls)";

/** `/v1/auth/…`. */
export function authRoutes(deps: ServerDeps): Endpoint[] {
  const { store, auth, info } = deps;
  return [
    endpoint({
      method: "get",
      path: "/v1/auth/whoami",
      tag: "auth",
      summary: "The user of the token, and what they may do",
      answers: { 200: { description: "The caller", schema: whoamiView } },
      handle({ request, principal, peer }) {
        const { name: user, type, namespace, policies, rules, token } = principal;
        const plain = new URL(request.url).protocol === "http:" && !isLoopback(peer.replace(/^::ffff:/i, ""));
        const open = auth.enabled
          ? []
          : ["this daemon has no authentication: anyone who reaches it may do everything"];
        const body: Whoami = {
          user,
          type,
          ...(namespace !== undefined && { namespace }),
          policies,
          rules: [...rules],
          ...(token && { token }),
          address: peer,
          warnings: [...plain ? [PLAIN] : [], ...info.devMode ? [] : open, ...warningsFor(principal, info)],
        };
        return Response.json(body, { headers: { "cache-control": "no-store" } });
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/auth/bootstrap",
      tag: "auth",
      summary: "Create the first token, once, from the daemon's own machine",
      answers: { 201: { description: "The token, which is shown only once", schema: newTokenView } },
      async handle({ request }) {
        // DNS rebinding: a request of a web page whose name points to this machine has the peer's address,
        // but its own name as host.
        if (!isLoopback(hostOf(request))) {
          throw new RuneError("permission_denied", "bootstrap works only at the address localhost", {
            hint: "use --server http://127.0.0.1:<port>",
          });
        }
        const made = await store.transact(bootstrap);
        deps.logger.warn("bootstrapped: the user {user} has its first token", { user: made.user });
        return Response.json(made, { status: 201, headers: { "cache-control": "no-store" } });
      },
    }),
  ];
}
