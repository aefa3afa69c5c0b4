import assert from "node:assert/strict";
import {
  claim,
  okJson,
  problemOf,
  process,
  service,
  template,
  type TestServer,
  volume,
  withServer,
} from "../api/server_fixture.ts";

type Set = Parameters<TestServer["cast"]>[0];

/** Sets that are refused: what exists before, what is cast, and the field and message of the first issue. */
const REFUSALS: Record<
  string,
  { before?: Set; cast: (hostDir: string) => Set; path: string; message: RegExp }
> = {
  "an unknown class": {
    cast: () => [volume("a", { storageClassName: "lokal" })],
    path: "storageClassName",
    message: /no storage class "lokal"/,
  },
  "an unknown class in a claim template": {
    cast: () => [service("a", { volumes: [template({ storageClassName: "lokal" })] })],
    path: "volumes.0.claimTemplate.storageClassName",
    message: /no storage class "lokal"/,
  },
  "an access mode that the driver lacks": {
    cast: () => [volume("a", { accessMode: "ReadWriteMany" })],
    path: "accessMode",
    message: /local does not support ReadWriteMany; it supports ReadWriteOnce, ReadOnlyMany/,
  },
  "an access mode that the driver of a claim template lacks": {
    cast: () => [service("a", { volumes: [template({ accessMode: "ReadWriteMany" })] })],
    path: "volumes.0.claimTemplate.accessMode",
    message: /does not support ReadWriteMany/,
  },
  "reclaimPolicy delete on local-host": {
    cast: (hostDir) => [
      volume("a", {
        storageClassName: "local-host",
        reclaimPolicy: "delete",
        parameters: { hostPath: hostDir },
      }),
    ],
    path: "reclaimPolicy",
    message: /local-host never deletes data/,
  },
  "reclaimPolicy delete in a class of local-host": {
    cast: () => [["storageClass", { name: "x", driver: "local-host", reclaimPolicy: "delete" }]],
    path: "reclaimPolicy",
    message: /never deletes/,
  },
  "a parameter that the driver does not know": {
    cast: () => [volume("a", { parameters: { colour: "red" } })],
    path: "parameters.colour",
    message: /no parameter "colour"/,
  },
  "a host path outside the allowlist": {
    cast: () => [volume("a", { storageClassName: "local-host", parameters: { hostPath: "/etc" } })],
    path: "parameters.hostPath",
    message: /./,
  },
  "parameters of the class that the driver refuses": {
    before: [["storageClass", { name: "odd", driver: "local", parameters: { acceptFilesystem: "maybe" } }]],
    cast: () => [volume("a", { storageClassName: "odd" })],
    path: "parameters.acceptFilesystem",
    message: /expected "true" or "false"/,
  },
  "a malformed reference to a secret": {
    before: [["storageClass", { name: "cloud", driver: "do-volume", parameters: { region: "nyc3" } }]],
    cast: () => [volume("a", { storageClassName: "cloud", parameters: { apiToken: "secret:only-a-name" } })],
    path: "parameters.apiToken",
    message: /expected a reference such as secret:<name>\/<key>/,
  },
  "a malformed reference to a secret in a variable": {
    cast: () => [service("a", { env: { TOKEN: "{{ secret:Nope/ }}" } })],
    path: "env.TOKEN",
    message: /expected a reference such as \{\{ secret:<name>\/<key> \}\}/,
  },
  "a secret with a value that is too large": {
    cast: () => [["secret", { name: "big", data: { key: "x".repeat(64 * 1024 + 1) } }]],
    path: "data.key",
    message: /at most 65536 bytes, found 65537/,
  },
  "a secret with too many keys": {
    cast: () => [["secret", {
      name: "many",
      data: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ""])),
    }]],
    path: "data",
    message: /at most 64 keys, found 65/,
  },
  "an unknown driver": {
    cast: () => [["storageClass", { name: "x", driver: "locall" }]],
    path: "driver",
    message: /no driver "locall"/,
  },
  "another driver for a class that volumes use": {
    before: [volume("a")],
    cast: () => [["storageClass", { name: "local", driver: "local-host", default: true }]],
    path: "driver",
    message: /while volumes use the class: default\/a/,
  },
  "two default classes in one set": {
    cast: () => [
      ["storageClass", { name: "x", driver: "local", default: true }],
      ["storageClass", { name: "y", driver: "local", default: true }],
    ],
    path: "default",
    message: /only one class can be the default; this cast also makes x the default/,
  },
  "taking the default away from the only default class": {
    cast: () => [["storageClass", { name: "local", driver: "local" }]],
    path: "default",
    message: /local is the default class/,
  },
  "another class for an existing volume": {
    before: [volume("a")],
    cast: (hostDir) => [volume("a", { storageClassName: "local-host", parameters: { hostPath: hostDir } })],
    path: "storageClassName",
    message: /cannot change from local to local-host/,
  },
  "shrinking a volume": {
    before: [volume("a", { size: "2Gi" })],
    cast: () => [volume("a", { size: "1Gi" })],
    path: "size",
    message: /cannot shrink/,
  },
  "a process that claims a volume of another driver than local-host": {
    before: [volume("a")],
    cast: () => [process("agent", { volumes: [claim("a")] })],
    path: "volumes.0.claim",
    message: /a process service can use only local-host volumes/,
  },
  "a process with a claim template of the default class": {
    cast: () => [process("agent", { volumes: [template()] })],
    path: "volumes.0.claimTemplate.storageClassName",
    message: /only local-host volumes/,
  },
  "scale 2 on a claimed ReadWriteOnce volume of the same set": {
    cast: () => [service("web", { scale: 2, volumes: [claim("a")] }), volume("a")],
    path: "volumes.0.claim",
    message: /expected scale 1, found 2/,
  },
  "a name that leaves no room for the ordinal": {
    cast: () => [service("a".repeat(62), { scale: 11 })],
    path: "name",
    message: /at most 63/,
  },
  "a claim template whose volumes would have too long names": {
    cast: () => [service("a".repeat(40), { volumes: [{ ...template(), name: "b".repeat(30) }] })],
    path: "volumes.0.name",
    message: /at most 63/,
  },
  "a parameter of another driver": {
    cast: () => [volume("a", { parameters: { apiTokenSecretRef: "do/token" } })],
    path: "parameters.apiTokenSecretRef",
    message: /the driver local has no parameter "apiTokenSecretRef"/,
  },
};

for (const [what, { before, cast, path, message }] of Object.entries(REFUSALS)) {
  Deno.test(`admission refuses ${what}`, () =>
    withServer(async (server) => {
      if (before) await okJson(server.cast(before));
      const revision = server.store.revision;
      const { issues } = await problemOf(server.cast(cast(server.hostDir)), "invalid_argument");
      assert.equal(issues![0]!.path.join("."), path);
      assert.match(issues![0]!.message, message);
      assert.equal(server.store.revision, revision);
    }));
}

Deno.test("admission refuses mounts of processes that a daemon without root could not make", () =>
  withServer(async ({ cast, deps, hostDir }) => {
    const path = `${hostDir}/v`;
    await okJson(cast([volume("v", { storageClassName: "local-host", parameters: { hostPath: path } })]));
    deps.privateMounts = false;
    const agent = (more: object) => cast([process("agent", { volumes: [claim("v", more)] })]);
    const assertRefused = async (more: object, field: string, message: RegExp) => {
      const { issues } = await problemOf(agent(more), "invalid_argument");
      assert.equal(issues![0]!.path.join("."), `volumes.0.${field}`);
      assert.match(issues![0]!.message, message);
    };
    await assertRefused(
      {},
      "mountPath",
      /only a daemon that runs as root can mount .*\/v at \/data: expected .*\/v$/,
    );
    await assertRefused({ mountPath: path, subPath: "a" }, "mountPath", /expected .*\/v\/a$/);
    await assertRefused({ mountPath: path, readOnly: true }, "readOnly", /read-only/);
    await okJson(agent({ mountPath: path }));
    deps.privateMounts = true;
    await okJson(agent({ readOnly: true }));
  }));

Deno.test("admission permits mounts of a process only where data belongs, never over directories of the host or the daemon", () =>
  withServer(async ({ cast, deps, hostDir }) => {
    deps.root = true;
    deps.privateMounts = true;
    const own = `${hostDir}/v`;
    await okJson(
      cast([
        volume("v", { storageClassName: "local-host", parameters: { hostPath: own } }),
        ["configmap", { name: "c", data: { mount: "#!/bin/sh", setpriv: "#!/bin/sh" } }],
        ["secret", { name: "s", data: { key: "value" } }],
      ]),
    );
    const home = hostDir.slice(0, hostDir.lastIndexOf("/"));
    const kinds: [string, (mountPath: string) => object][] = [
      ["volumes", (mountPath) => ({ volumes: [claim("v", { mountPath })] })],
      ["secretMounts", (mountPath) => ({ secretMounts: [{ secretName: "s", mountPath }] })],
      ["configMounts", (mountPath) => ({ configMounts: [{ configName: "c", mountPath }] })],
    ];
    const refused = [
      [
        "/usr/bin",
        "/usr",
        "/usr/local/bin",
        "/bin",
        "/sbin",
        "/lib",
        "/lib64",
        "/lib/x86_64-linux-gnu",
      ],
      [
        "/etc/pam.d",
        "/etc/ssl",
        "/etc/passwd",
        "/run",
        "/dev",
        "/dev/shm",
        "/var",
        "/var/lib",
      ],
      // Programs of the host may act on a mere name there.
      ["/forcefsck", "/etc/nologin", "/run/nologin", "/run/rune-test-app/x", "/home/nobody"],
      [home, `${home}/data`, `${home}/data/processes`, `${home}/volumes/x`],
    ].flat();
    const allowed = [
      "/data",
      "/srv/app",
      "/var/lib/app",
      "/opt/app/conf",
    ];
    for (const [field, more] of kinds) {
      for (const path of refused) {
        const { issues } = await problemOf(cast([process("agent", more(path))]), "invalid_argument");
        assert.equal(issues![0]!.path.join("."), `${field}.0.mountPath`, path);
        assert.match(issues![0]!.hint!, /at or below \/data, .*or run an image/);
      }
      for (const path of allowed) await okJson(cast([process("agent", more(path))]));
    }
    // A volume may be mounted at its own path on the host. Files of a secret have no path there.
    await okJson(cast([process("agent", { volumes: [claim("v", { mountPath: own })] })]));
    // A container has its own filesystem.
    await okJson(cast([service("web", { configMounts: [{ configName: "c", mountPath: "/usr/bin" }] })]));
  }));

Deno.test("admission refuses a template whose ordinals would share a directory, and one that cannot grow", () =>
  withServer(async ({ cast, hostDir, store }) => {
    const set = (scale: number, size: string) => [
      service("web", {
        scale,
        volumes: [
          template({ storageClassName: "local-host", size, parameters: { hostPath: `${hostDir}/v` } }),
        ],
      }),
    ];
    await okJson(cast(set(1, "1Gi") as Set));
    const shared = await problemOf(cast(set(2, "1Gi") as Set), "invalid_argument");
    assert.match(
      shared.issues![0]!.message,
      /every instance would get the directory .*: expected scale 1, found 2/,
    );
    await store.transact((tx) =>
      tx.create({
        kind: "volume",
        namespace: "default",
        name: "data-web-0",
        spec: { size: "1Gi", accessMode: "ReadWriteOnce", storageClassName: "local-host", parameters: {} },
        status: { state: "Available", ownerService: "web", attempts: 0, conditions: [] },
      })
    );
    const grown = await problemOf(cast(set(1, "2Gi") as Set), "invalid_argument");
    assert.match(grown.issues![0]!.message, /volumes of the driver local-host cannot grow: expected 1Gi/);
  }));

Deno.test("admission applies the rules of a cast to scale", () =>
  withServer(async ({ cast, send }) => {
    await okJson(cast([volume("a"), service("web", { volumes: [claim("a")] })]));
    const scale = (n: number) =>
      send("POST", "/v1/namespaces/default/services/web/actions/scale", { scale: n });
    const { issues } = await problemOf(scale(2), "invalid_argument");
    assert.match(issues![0]!.message, /expected scale 1, found 2/);
    assert.equal((await okJson(scale(0))).spec.scale, 0);
  }));

Deno.test("admission permits stopping a service whatever was cast since", () =>
  withServer(async ({ cast, send }) => {
    await okJson(cast([service("web", { scale: 3, volumes: [claim("late")] })]));
    await okJson(cast([volume("late", { accessMode: "ReadOnlyMany" })]));
    const actions = "/v1/namespaces/default/services/web/actions";
    await problemOf(send("POST", `${actions}/scale`, { scale: 4 }), "invalid_argument");
    await okJson(send("POST", `${actions}/scale`, { scale: 2 }));
    assert.equal((await okJson(send("POST", `${actions}/stop`))).spec.scale, 0);
  }));

Deno.test("admission refuses a changed template only if it has volumes", () =>
  withServer(async ({ cast, store }) => {
    const set = (size: string) => [service("db", { volumes: [template({ size })] })];
    await okJson(cast(set("2Gi")));
    await okJson(cast(set("1Gi")));
    await store.transact((tx) =>
      tx.create({
        kind: "volume",
        namespace: "default",
        name: "data-db-0",
        spec: { size: "1Gi", accessMode: "ReadWriteOnce", storageClassName: "local", parameters: {} },
        status: { state: "Available", ownerService: "db", attempts: 0, conditions: [] },
      })
    );
    const { issues } = await problemOf(cast(set("500Mi")), "invalid_argument");
    assert.equal(issues![0]!.path.join("."), "volumes.0.claimTemplate.size");
  }));

Deno.test("admission accepts what it accepted before, even if its class is gone", () =>
  withServer(async ({ cast, send }) => {
    await okJson(
      cast([["storageClass", { name: "x", driver: "local" }], volume("a", { storageClassName: "x" })]),
    );
    await okJson(send("DELETE", "/v1/storageclasses/x?cascade=true"));
    const { results } = await okJson(cast([volume("a", { storageClassName: "x" })]));
    assert.equal(results[0].action, "unchanged");
  }));
