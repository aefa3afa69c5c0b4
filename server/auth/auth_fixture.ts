/** A server that requires tokens, and callers of each kind, for the tests of this folder. @module */
import assert from "node:assert/strict";
import type { NewTokenView } from "../../model/identity.ts";
import { okJson, type TestServer, withServer } from "../api/server_fixture.ts";

/** A server that was bootstrapped. */
export interface GuardedServer extends TestServer {
  /** The token of the user root. */
  root: string;
  /** Sends a request with a token; `peer` is this machine unless given. */
  as(token: string, method: string, path: string, body?: unknown, peer?: string): Promise<Response>;
  /** Creates a user, or a service account if a namespace is given, and returns a token of it. */
  someone(name: string, policies: string[], namespace?: string): Promise<string>;
}

/** Runs `test` with a bootstrapped server. */
export function withGuard(test: (server: GuardedServer) => Promise<void>): Promise<void> {
  return withServer(async (server) => {
    const made: NewTokenView = await okJson(server.send("POST", "/v1/auth/bootstrap"), 201);
    const root = made.token;
    assert.match(root, /^rune_[0-9a-f]{16}\.[A-Za-z0-9_-]{43}$/);
    const as: GuardedServer["as"] = (token, method, path, body, peer) =>
      server.send(method, path, body, { authorization: `Bearer ${token}` }, peer);
    await test({
      ...server,
      root,
      as,
      async someone(name, policies, namespace) {
        const kind = namespace === undefined ? "users" : "services";
        await okJson(
          as(root, "POST", `/v1/admin/${kind}`, { name, policies, ...(namespace && { namespace }) }),
          201,
        );
        return (await okJson(as(root, "POST", "/v1/admin/tokens", { user: name }), 201)).token;
      },
    });
  }, { auth: true });
}
