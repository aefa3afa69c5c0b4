/**
 * An app without a socket, on a real store and real drivers in a directory of its own, for the tests of this
 * folder.
 * @module
 */
import assert from "node:assert/strict";
import { makeDriverSettings } from "../../drivers/testing/settings.ts";
import { getLogger } from "@logtape/logtape";
import type { Problem } from "../../model/api.ts";
import { openStore, type Store } from "../../store/store.ts";
import { openVault, type Vault } from "../../store/secrets/vault.ts";
import { type Audit, openAudit } from "../auth/audit.ts";
import { createAuth } from "../auth/auth.ts";
import { watchSessions } from "../auth/sessions.ts";
import { SECRET_LIMITS } from "../admission/secret_writes.ts";
import { createApp } from "./app.ts";
import { buildDrivers } from "../../drivers/registry.ts";
import { createNodes } from "../../node/node.ts";
import { makeTestNode } from "../../node/testing/test_node.ts";
import type { Runner } from "../../runners/runner.ts";
import type { ServerDeps } from "./deps.ts";
import { createInitialResources } from "../daemon/initial_resources.ts";

/** A server for one test. */
export interface TestServer {
  store: Store;
  deps: ServerDeps;
  /** Abort it to stop the daemon. */
  shutdown: AbortController;
  /** A directory that the driver `local-host` allows. */
  hostDir: string;
  /**
   * Sends a request; an object is sent as JSON. `peer` is the address of the caller, by default this machine.
   */
  send(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
    peer?: string,
  ): Promise<Response>;
  /** Casts `[kind, body]` pairs. */
  cast(resources: [kind: string, body: Record<string, unknown>][], options?: object): Promise<Response>;
}

/** Runs `test` with a server, and removes it afterwards. */
export async function withServer(
  test: (server: TestServer) => Promise<void>,
  options: { auth?: boolean; runners?: readonly Runner[]; deps?: Partial<ServerDeps> } = {},
): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "rune-server-" });
  const hostDir = `${dir}/host`;
  await Deno.mkdir(hostDir);
  const store = await openStore({ dataDir: `${dir}/data` });
  let vault: Vault | undefined;
  let audit: Audit | undefined;
  try {
    vault = await openVault(store, { from: "file", path: `${dir}/data/kek` });
    audit = openAudit(`${dir}/audit`, {
      onFailure(error) {
        throw error;
      },
    });
    const sessions = watchSessions(store);
    await createInitialResources(store);
    const shutdown = new AbortController();
    const drivers = buildDrivers(
      makeDriverSettings(dir, { hostPathAllowlist: [hostDir], allowCreateMissing: true }),
      { dataDir: `${dir}/data` },
    );
    const node = makeTestNode({
      directory: dir,
      drivers: [...drivers.all.values()],
      secrets: vault,
      ...(options.runners && { runners: options.runners }),
    });
    const deps: ServerDeps = {
      store,
      secrets: vault,
      secretLimits: SECRET_LIMITS,
      auth: createAuth({ store, audit, sessions, enabled: options.auth ?? false, allowRemoteAdmin: false }),
      nodes: createNodes([node]),
      drivers: node.drivers,
      info: {
        version: "1.2.3",
        node: "n1",
        installation: "i1",
        startedAt: "",
        dataDir: dir,
        daemonId: "d1",
        devMode: true,
        warnings: [],
      },
      hosts: [],
      closed: [`${dir}/data`, `${dir}/volumes`],
      shutdown: shutdown.signal,
      logger: getLogger("test"),
      ...options.deps,
    };
    const app = createApp(deps);
    const send: TestServer["send"] = async (method, path, body, headers = {}, peer = "127.0.0.1") =>
      await app.request(path, {
        method,
        headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
        body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
      }, { peer });
    await test({
      store,
      deps,
      shutdown,
      hostDir,
      send,
      cast: (resources, options) =>
        send("POST", "/v1/cast", {
          resources: resources.map(([kind, body]) => ({ kind, body })),
          ...options,
        }),
    });
  } finally {
    await vault?.close();
    await audit?.close();
    await store.close();
    await Deno.remove(dir, { recursive: true });
  }
}

/** Returns the problem in an answer, and asserts its code. */
export async function problemOf(response: Promise<Response>, code: Problem["code"]): Promise<Problem> {
  const answer = await response;
  const problem = await answer.json();
  assert.equal(problem.code, code, JSON.stringify(problem));
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  assert.equal(problem.requestId, answer.headers.get("x-request-id"));
  return problem;
}

/** Returns the JSON of a successful answer. */
// deno-lint-ignore no-explicit-any -- tests look into answers of every shape
export async function okJson(response: Promise<Response>, status = 200): Promise<any> {
  const answer = await response;
  const value = await answer.json();
  assert.equal(answer.status, status, JSON.stringify(value));
  return value;
}

/** A valid declaration, which tests change. */
export const volume = (name: string, more: object = {}): [string, Record<string, unknown>] => [
  "volume",
  { name, size: "1Gi", accessMode: "ReadWriteOnce", ...more },
];
/** See {@linkcode volume}. */
export const service = (name: string, more: object = {}): [string, Record<string, unknown>] => [
  "service",
  { name, image: "busybox:1", ...more },
];
/** See {@linkcode volume}. */
export const process = (name: string, more: object = {}): [string, Record<string, unknown>] => [
  "service",
  { name, process: { command: "/bin/sleep", args: ["60"] }, ...more },
];
/** A mount of a volume by name. */
export const claim = (volumeName: string, more: object = {}) => ({
  name: "data",
  mountPath: "/data",
  claim: { name: volumeName },
  ...more,
});
/** A mount with a volume for each instance. */
export const template = (more: object = {}) => ({
  name: "data",
  mountPath: "/data",
  claimTemplate: { size: "1Gi", accessMode: "ReadWriteOnce", ...more },
});
