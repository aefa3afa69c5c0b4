/** No answer reveals what its caller may not see: no refusal, hint, list, watch, status or metric. @module */
import assert from "node:assert/strict";
import type { Instance } from "../../model/instance.ts";
import { templateOf } from "../../model/instance.ts";
import { registerGauges } from "../metrics/gauges.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { createApp, endpoints } from "../api/app.ts";
import { okJson } from "../api/server_fixture.ts";
import { type GuardedServer, withGuard } from "./auth_fixture.ts";

const IMAGE = { image: "busybox:1" };
const SIZE = { size: "1Gi", accessMode: "ReadWriteOnce" };
/** A word in every name of the neighbour, which the caller never sends. */
const SECRET = "hush";
const THEIRS = `${SECRET}space`;
const nameOf = (kind: string) => `${SECRET}-${kind}`;

/**
 * A neighbour that has one of everything, uses the caller's resources, and occupies what the caller wants.
 */
async function neighbour({ as, root, deps, hostDir }: GuardedServer): Promise<void> {
  const cast = (resources: [kind: string, namespace: string, body: object][]) =>
    okJson(as(root, "POST", "/v1/cast", {
      resources: resources.map(([kind, namespace, body]) => ({ kind, body: { namespace, ...body } })),
    }));
  const hostVolume = { ...SIZE, storageClassName: "local-host" };
  await cast([
    ["volume", "dev", { name: "shared", ...SIZE, reclaimPolicy: "delete" }],
    ["volume", "dev", { name: "held", ...SIZE, reclaimPolicy: "delete" }],
    ["snapshot", "dev", { name: "copy", source: { volume: "shared" } }],
  ]);
  await cast([
    ["secret", THEIRS, { name: nameOf("secret"), data: { k: "v" } }],
    ["configmap", THEIRS, { name: nameOf("config"), data: { k: "v" } }],
    ["volume", THEIRS, { name: nameOf("volume"), ...hostVolume, parameters: { hostPath: `${hostDir}/a/b` } }],
    ["volume", THEIRS, { name: nameOf("restored"), ...SIZE, source: { snapshot: "copy", namespace: "dev" } }],
    ["snapshot", THEIRS, { name: nameOf("snapshot"), source: { volume: nameOf("restored") } }],
    ["service", THEIRS, {
      name: nameOf("service"),
      ...IMAGE,
      ports: [{ port: 80 }],
      expose: { port: 80, host: "wanted.example", hostPort: 8123 },
      volumes: [{ name: "d", mountPath: "/d", claim: { name: "shared.dev.rune" } }],
      dependencies: [{ name: "web", namespace: "dev" }],
    }],
    ["service", "mid", {
      name: "between",
      ...IMAGE,
      dependencies: [{ name: nameOf("service"), namespace: THEIRS }],
    }],
  ]);
  await deps.store.transact((tx) => {
    const service = tx.get("service", THEIRS, nameOf("service"))!;
    const instance = tx.create<"instance">({
      kind: "instance",
      namespace: THEIRS,
      name: nameOf("instance"),
      spec: {
        ...{
          service: service.name,
          serviceUid: service.uid,
          ordinal: 0,
          runner: "docker",
          serviceGeneration: 1,
        },
        template: templateOf(service.spec),
      },
      status: {
        ...{ state: "Running", ready: true, run: 1, restarts: 0, crashes: 0, launchFailures: 0 },
      } as Instance["status"],
    });
    const holder = {
      instanceUid: instance.uid,
      namespace: THEIRS,
      instance: instance.name,
      mode: "rw" as const,
    };
    for (const name of ["shared", "held"]) {
      const spec = { holders: [{ ...holder, since: tx.now }] };
      tx.create({ kind: "lease", namespace: "dev", name, spec, status: {} });
      const volume = tx.get("volume", "dev", name)!;
      const status = { ...volume.status, state: "Bound", boundClaim: `${THEIRS}/${instance.name}` } as const;
      tx.update<"volume">(volume, { status });
    }
    const object = { kind: "service", name: service.name, uid: service.uid };
    const spec = { object, type: "Warning" as const, reason: "X", message: nameOf("event"), count: 1 };
    tx.create({
      ...{ kind: "event", namespace: THEIRS, name: nameOf("event"), status: {} },
      spec: { ...spec, firstAt: tx.now, lastAt: tx.now },
    });
  });
}

/** The caller's requests, each with a word that proves that the request reached the neighbour's resource. */
const QUESTIONS: [method: string, path: string, body: object | undefined, shows: RegExp][] = [
  [
    "PUT",
    "services/x",
    { ...IMAGE, ports: [{ port: 80 }], expose: { port: 80, host: "wanted.example" } },
    /is exposed by/,
  ],
  [
    "PUT",
    "services/x",
    { ...IMAGE, ports: [{ port: 80 }], expose: { port: 80, hostPort: 8123 } },
    /is exposed by/,
  ],
  ["PUT", "volumes/x", { host: "a/b" }, /is the directory of/],
  ["PUT", "volumes/x", { host: "a/b/c" }, /lies inside the directory of/],
  ["PUT", "volumes/x", { host: "a" }, /contains the directory of/],
  ["PUT", "services/web", { ...IMAGE, dependencies: [{ name: "between", namespace: "mid" }] }, /in a circle/],
  ["DELETE", "volumes/held", undefined, /mounted by/],
  ["DELETE", "volumes/unheld", undefined, /claimed by/],
  ["DELETE", "snapshots/copy", undefined, /being restored into/],
  ["POST", "volumes/held/actions/detach", undefined, /is held by/],
  ["GET", "volumes/shared", undefined, /not yours to see/],
  ["GET", "volumes", undefined, /not yours to see/],
  ["GET", "/v1/volumes", undefined, /not yours to see/],
  ["GET", "/v1/status", undefined, /"dev"/],
  ["GET", "/metrics", undefined, /namespace="dev"/],
  ["GET", "/v1/namespaces", undefined, /"dev"/],
  ...["services", "instances", "snapshots", "secrets", "configmaps", "events", "trash"].map((plural): [
    string,
    string,
    undefined,
    RegExp,
  ] => ["GET", `/v1/${plural}`, undefined, /items/]),
  ["GET", "/v1/usage/instances", undefined, /items/],
  ["PUT", "/v1/storageclasses/k", { driver: "local-host" }, /1 that you may not see|and 1 more/],
  ["DELETE", "/v1/storageclasses/k", undefined, /that you may not see|and 1 more/],
];

Deno.test("no answer reveals what its caller may not see", () =>
  withGuard(async (server) => {
    const { as, root, deps, hostDir, store } = server;
    const metrics = createMetrics({ version: "1" });
    registerGauges(metrics.registry, {
      unhandledErrors: () => 0,
      store,
      dataDir: hostDir,
      depths: () => ({}),
      usage: {
        listKnown: () => store.list("volume").map((v) => ({ ...v, bytes: 1 })),
        stop: () => {},
      } as never,
      backups: { lastSuccess: () => 0 },
    });
    deps.metrics = metrics;
    const app = createApp(deps);
    await okJson(as(root, "PUT", "/v1/storageclasses/k", { driver: "local" }), 201);
    await neighbour(server);
    const k = { ...SIZE, storageClassName: "k", reclaimPolicy: "delete" };
    await okJson(as(root, "PUT", `/v1/namespaces/${THEIRS}/volumes/${nameOf("k")}`, k), 201);
    await okJson(as(root, "PUT", "/v1/namespaces/dev/volumes/unheld", k), 201);
    await okJson(
      as(root, "PUT", `/v1/namespaces/${THEIRS}/services/${nameOf("second")}`, {
        ...IMAGE,
        volumes: [{ name: "d", mountPath: "/d", claim: { name: "unheld.dev.rune" } }],
      }),
      201,
    );
    // Everything in one namespace, services in another, and the classes, which everybody may see.
    await okJson(
      as(root, "PUT", "/v1/admin/policies/dev", {
        rules: [
          { resource: "*", verbs: ["*"], namespace: "dev" },
          { resource: "services", verbs: ["get"], namespace: "mid" },
          { resource: "storageclasses", verbs: ["*"], namespace: "*" },
        ],
      }),
    );
    const token = await server.someone("dev", ["dev"]);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    for (const [method, path, question, shows] of QUESTIONS) {
      const host = question && "host" in question ? { hostPath: `${hostDir}/${question.host}` } : undefined;
      const body = host ? { ...SIZE, storageClassName: "local-host", parameters: host } : question;
      const url = path.startsWith("/") ? path : `/v1/namespaces/dev/${path}`;
      const answer = await app.request(
        url,
        { method, headers, ...(body && { body: JSON.stringify(body) }) },
        { peer: "127.0.0.1" },
      );
      const text = await answer.text();
      assert.match(text, shows, `${method} ${url}`);
      assert.equal(text.includes(SECRET), false, `${method} ${url} reveals: ${text}`);
      // A caller who may see it does see it: otherwise the check above would prove nothing.
      if (!shows.test('items "dev" namespace="dev"')) {
        const told = await (await app.request(url, {
          method,
          headers: { ...headers, authorization: `Bearer ${root}` },
          ...(body && { body: JSON.stringify(body) }),
        }, { peer: "127.0.0.1" })).text();
        assert.ok(told.includes(SECRET), `${method} ${url} as root: ${told}`);
      }
    }
    const readonly = { authorization: `Bearer ${await server.someone("prometheus", ["readonly"])}` };
    const scrape = await app.request("/metrics", { headers: readonly }, { peer: "127.0.0.1" });
    assert.ok((await scrape.text()).includes(`namespace="${THEIRS}"`), "a scrape with readonly shows all");
  }));

Deno.test("a resumed watch reveals nothing about other namespaces, not even deletions", () =>
  withGuard(async (server) => {
    const { as, root, store } = server;
    await neighbour(server);
    const token = await server.someone("pinned", ["readonly"], "dev");
    const since = store.revision;
    const touch = (namespace: string, name: string) =>
      store.transact((tx) =>
        void tx.update<"volume">(tx.get("volume", namespace, name)!, { annotations: { touched: "yes" } })
      );
    await touch(THEIRS, nameOf("volume"));
    await touch("dev", "held");
    const stream = await as(token, "GET", `/v1/volumes?watch=true&since=${since}`);
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes('"held"')) text += (await reader.read()).value ?? "";
    await reader.cancel();
    assert.equal(text.includes(SECRET), false, text);
    assert.ok((await (await as(root, "GET", "/v1/volumes")).text()).includes(SECRET));
  }));

/** Bodies that pass the schemas of routes. */
const BODIES: Record<string, object> = {
  services: IMAGE,
  volumes: SIZE,
  snapshots: { source: { volume: "shared" } },
  storageclasses: { driver: "local" },
  scale: { scale: 1 },
  resize: { size: "2Gi" },
};

Deno.test("no route reveals other namespaces to a service account, whatever it requests in its own or in theirs", () =>
  withGuard(async (server) => {
    const { as, deps } = server;
    await neighbour(server);
    const token = await server.someone("pinned", ["admin"], "dev");
    const ask = async ({ method, path, schema }: { method: string; path: string; schema: unknown }) => {
      const last = path.split("/").at(-1)!;
      const plural = /\/(\w+)\/[^/]+$/.exec(path)?.[1] ?? last;
      const body = schema === undefined ? undefined : BODIES[last] ?? BODIES[plural] ?? {};
      const answer = await as(token, method.toUpperCase(), path, body);
      const reads = answer.headers.get("content-type")?.includes("event-stream") !== true;
      const text = reads ? await answer.text() : (await answer.body?.cancel(), "");
      const { requestId: _, ...told } = text.startsWith("{") ? JSON.parse(text) : { text };
      return { status: answer.status, text: JSON.stringify(told) };
    };
    for (const { method, path, body: schema } of endpoints(deps)) {
      for (const name of ["shared", "held", "copy", "web"]) {
        const url = path.replace("{namespace}", "dev").replace("{name}", name);
        const { text } = await ask({ method, path: url, schema });
        assert.equal(text.includes(SECRET), false, `${method} ${url}: ${text}`);
      }
      if (!path.includes("{namespace}") || !path.includes("{name}")) continue;
      // Existing and missing resources of theirs get the same answer, name by name.
      const answers = await Promise.all(
        ["service", "volume", "snapshot", "secret", "config", "instance", "nothing"].map(async (kind) => {
          const url = path.replace("{namespace}", THEIRS).replace("{name}", nameOf(kind));
          const { status, text } = await ask({ method, path: url, schema });
          assert.equal(status, 403, `${method} ${url}: ${text}`);
          return text.replaceAll(nameOf(kind), "NAME");
        }),
      );
      assert.deepEqual(new Set(answers).size, 1, `${method} ${path}: ${answers.join("\n")}`);
    }
  }));
