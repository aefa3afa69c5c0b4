import assert from "node:assert/strict";
import { checkFile, checkImports, checkLock, checkTree, findUnusedPermits } from "./check_imports.ts";

const bad: [from: string, to: string, dynamic?: boolean][] = [
  ["base/durable.ts", "model/error.ts"],
  ["model/volume.ts", "store/store.ts"],
  ["store/store.ts", "drivers/driver.ts"],
  ["drivers/local/local_driver.ts", "runners/runner.ts"],
  ["runners/docker/runner.ts", "drivers/driver.ts"],
  ["reconcile/volume/apply.ts", "drivers/local/local_driver.ts"],
  ["reconcile/queue.ts", "server/api/app.ts"],
  ["reconcile/expose/controller.ts", "node/proxy/caddy/caddy_proxy.ts"],
  ["node/proxy/proxy.ts", "runners/runner.ts"],
  ["server/api/app.ts", "drivers/local/local_driver.ts"],
  ["server/api/routes/logs.ts", "runners/docker/runner.ts"],
  ["server/daemon/daemon.ts", "cli/main.ts"],
  ["server/daemon/daemon.ts", "runners/docker/runner.ts"],
  ["server/auth/access.ts", "server/api/endpoint.ts"],
  ["server/auth/host_rights.ts", "server/admission/cast.ts"],
  ["server/backup/backup.ts", "server/api/deps.ts"],
  ["server/metrics/gauges.ts", "server/daemon/last_resort.ts"],
  ["server/api/app.ts", "server/daemon/settings.ts"],
  ["server/admission/cast.ts", "store/journal.ts"],
  ["server/admission/cast.ts", "reconcile/service/apply.ts"],
  ["server/api/routes/services.ts", "reconcile/service/rollout.ts"],
  ["server/metrics/gauges.ts", "reconcile/queue.ts"],
  ["server/auth/access.ts", "store/secrets/vault.ts"],
  ["server/daemon/daemon.ts", "store/journal.ts"],
  ["server/daemon/daemon.ts", "reconcile/volume/controller.ts"],
  ["server/daemon/initial_resources.ts", "reconcile/start.ts"],
  ["reconcile/queue.ts", "store/writer.ts"],
  ["reconcile/volume/apply.ts", "drivers/open_directory.ts"],
  ["reconcile/instance/launch.ts", "node/mounts/run_mounts.ts"],
  ["reconcile/start.ts", "node/local_node.ts"],
  ["server/api/app.ts", "node/probes/prober.ts"],
  ["server/backup/backup.ts", "node/driver_calls.ts"],
  ["server/backup/backup.ts", "store/copy.ts"],
  ["server/restore/restore.ts", "store/state_file.ts"],
  ["server/new_heap.ts", "model/name.ts"],
  ["cli/main.ts", "server/api/app.ts"],
  ["cli/client/client.ts", "store/store.ts"],
  ["main.ts", "cli/main.ts"],
  ["main.ts", "store/store.ts", true],
  ["model/volume.ts", "scripts/command.ts"],
  ["model/volume.ts", "model/volume_test.ts"],
  ["elsewhere/file.ts", "model/volume.ts"],
];

const good: [from: string, to: string, dynamic?: boolean][] = [
  ["model/volume.ts", "model/name.ts"],
  ["model/volume.ts", "base/durable.ts"],
  ["cli/files/config_file.ts", "base/durable.ts"],
  ["store/store.ts", "model/resource.ts"],
  ["drivers/local/local_driver.ts", "drivers/host.ts"],
  ["reconcile/queue.ts", "store/store.ts"],
  ["reconcile/volume/apply.ts", "drivers/driver.ts"],
  ["reconcile/service/observe.ts", "runners/runner.ts"],
  ["reconcile/volume/apply.ts", "node/volumes.ts"],
  ["server/api/app.ts", "runners/runner.ts"],
  ["server/api/routes/rollback.ts", "reconcile/service/revisions.ts"],
  ["server/daemon/daemon.ts", "reconcile/start.ts"],
  ["reconcile/expose/controller.ts", "node/proxy/proxy.ts"],
  ["server/daemon/daemon.ts", "node/proxy/caddy/caddy_proxy.ts"],
  ["server/daemon/daemon.ts", "drivers/registry.ts"],
  ["node/local_node.ts", "runners/docker/runner.ts"],
  ["server/api/endpoint.ts", "server/auth/access.ts"],
  ["server/admission/cast.ts", "server/auth/visibility.ts"],
  ["server/backup/backup.ts", "server/identity/daemon_identity.ts"],
  ["server/restore/restore.ts", "server/daemon/settings.ts"],
  ["cli/main.ts", "model/error.ts"],
  ["cli/commands/get.ts", "cli/describe/columns.ts"],
  ["cli/waiting/settle.ts", "cli/client/api.ts"],
  ["main.ts", "cli/main.ts", true],
  ["main.ts", "server/daemon/serve.ts", true],
  ["model/volume_test.ts", "cli/main.ts"],
  ["tests/guide_test.ts", "server/daemon/daemon.ts"],
  ["scripts/bench.ts", "model/volume.ts"],
];

for (const [from, to, dynamic = false] of bad) {
  Deno.test(`checkImports() refuses ${from} → ${to}${dynamic ? " (dynamic)" : ""}`, () => {
    const found = checkImports([{ from, to, dynamic }]);
    assert.equal(found.length, 1);
    assert.match(found[0]!, new RegExp(`^${from}: `));
  });
}

Deno.test("checkImports() accepts imports in the permitted directions", () => {
  assert.deepEqual(checkImports(good.map(([from, to, dynamic = false]) => ({ from, to, dynamic }))), []);
});

Deno.test("findUnusedPermits() reports only permits that no file of the room uses", () => {
  const permit = (to: string) => new RegExp(`server/metrics/ may import ${to},`);
  const found = findUnusedPermits([
    { from: "server/metrics/metrics.ts", to: "reconcile/start.ts", dynamic: false },
    { from: "server/metrics/gauges_test.ts", to: "store/store.ts", dynamic: false },
  ]).join("\n");
  assert.match(found, permit("store/store.ts"));
  assert.doesNotMatch(found, permit("reconcile/start.ts"));
});

Deno.test("checkFile() refuses names without an owner and unfinished marks", () => {
  assert.equal(checkFile("model/utils.ts", "").length, 1);
  assert.equal(checkFile("cli/helpers/x.ts", "").length, 1);
  assert.equal(checkFile("store/common_test.ts", "").length, 1);
  assert.deepEqual(checkFile("model/a.ts", "one\n// TO" + "DO: later\n"), [
    "model/a.ts:2: an unfinished mark; finish it or write an issue",
  ]);
  assert.deepEqual(checkFile("model/community.ts", "x\n"), []);
});

Deno.test("checkFile() keeps Deno.exit and Deno.Command in their files", () => {
  const exit = "Deno.exit(1);";
  const command = 'new Deno.Command("mount");';
  assert.equal(checkFile("cli/main.ts", exit).length, 1);
  assert.equal(checkFile("drivers/local/local_driver.ts", command).length, 1);
  assert.equal(checkFile("runners/docker/runner.ts", command).length, 1);
  assert.deepEqual(checkFile("main.ts", exit), []);
  assert.deepEqual(checkFile("drivers/host.ts", command), []);
  assert.deepEqual(checkFile("runners/process/spawn.ts", command), []);
  assert.deepEqual(checkFile("cli/main_test.ts", exit), []);
  assert.deepEqual(checkFile("cli/main.ts", " * never call Deno.exit() here"), []);
});

Deno.test("checkFile() keeps the names of drivers to their folders", () => {
  const lines = ['if (driver === "local-host") {', 'const OWN = "local";', "hint: `a class of local-host`"];
  for (const line of lines) {
    for (const file of ["server/admission/volume.ts", "drivers/registry.ts", "cli/commands/create.ts"]) {
      assert.equal(checkFile(file, line).length, 1, `${file}: ${line}`);
    }
    assert.deepEqual(checkFile("drivers/local_host/entry.ts", line), []);
    assert.deepEqual(checkFile("server/admission/volume_test.ts", line), []);
  }
  assert.deepEqual(checkFile("server/admission/volume.ts", 'const locale = "localhost";'), []);
});

Deno.test("checkFile() lets only the resolution of references make plain parameters", () => {
  const cast = "const parameters = status.driverParameters as PlainParameters;";
  assert.equal(checkFile("server/backup/backup.ts", cast).length, 1);
  assert.deepEqual(checkFile("node/secret_refs.ts", cast), []);
});

Deno.test("checkFile() keeps writes that may be short or not durable to base/durable.ts", () => {
  const short = ["await file.write(bytes);", "file.writeSync(bytes);", "size += await conn.write(bytes);"];
  const loose = [
    "await Deno.writeTextFile(path, text);",
    "Deno.writeFileSync(path, b);",
    "writeFileSync(path, b);",
  ];
  for (const line of [...short, ...loose]) {
    for (
      const room of ["store/log.ts", "runners/process/records.ts", "cli/files/config_file.ts", "model/a.ts"]
    ) {
      assert.equal(checkFile(room, line).length, 1, `${room}: ${line}`);
    }
    assert.deepEqual(checkFile("store/log_test.ts", line), []);
  }
  for (const line of short) assert.deepEqual(checkFile("base/durable.ts", line), []);
  assert.deepEqual(checkFile("runners/process/cgroup.ts", loose[0]!), []);
});

Deno.test("checkFile() finds locks built by hand", () => {
  const lines = [
    "last = last.then(step);",
    "this.#learning = this.#learning.catch(() => {}).then(write);",
    "if (!file.tryLockSync(true)) return;",
  ];
  for (const line of lines) {
    assert.equal(checkFile("drivers/new/driver.ts", line).length, 1, line);
    assert.deepEqual(checkFile("base/file_lock.ts", line), []);
  }
  assert.deepEqual(checkFile("store/log.ts", "const text = await reading.then(parse);"), []);
});

Deno.test("checkFile() finds unbounded queues, and output that bypasses the terminal", () => {
  const lines = [
    "const body = new ReadableStream({ start() {} });",
    "const lines = new Channel<string>(limits);",
    "if (socket.bufferedAmount > MAX) await drained();",
    "for (let next; (next = waiting.shift());) yield next;",
    'console.log("a value");',
    "Deno.stdout.isTerminal();",
  ];
  for (const line of lines) {
    for (const room of ["server/routes/new.ts", "runners/docker/new.ts", "cli/commands/new.ts"]) {
      assert.equal(checkFile(room, line).length, 1, `${room}: ${line}`);
    }
    assert.deepEqual(checkFile("server/new_test.ts", line), []);
  }
  assert.deepEqual(checkFile("server/http/channel.ts", lines[3]!), []);
  assert.deepEqual(checkFile("cli/terminal/terminal.ts", lines[5]!), []);
});

Deno.test("checkFile() makes reconcile/ measure time with the clock that notices steps", () => {
  const span = "const ms = now.getTime() - Date.parse(status.since);";
  const left = "const ms = Date.parse(dueAt) - now.getTime();";
  for (const line of [span, left]) {
    assert.equal(checkFile("reconcile/instance/plan.ts", line).length, 1);
    assert.deepEqual(checkFile("base/clock.ts", line), []);
    assert.deepEqual(checkFile("cli/age.ts", line), []);
  }
});

Deno.test("checkLock() refuses download addresses", () => {
  assert.equal(checkLock('{"tarball": "https://registry.example/x.tgz"}').length, 1);
  assert.deepEqual(checkLock('{"npm": {"zod@4.6.7": {"integrity": "sha512-x"}}}'), []);
});

Deno.test("checkTree() finds static, type-only and dynamic imports in real files", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-imports-" }));
  try {
    const files: Record<string, string> = {
      "deno.json": "{}",
      "deno.lock": "{}",
      "model/a.ts": "export interface A { x: number }\nexport const a = 1;\n",
      "store/b.ts": 'import type { C } from "../cli/files/c.ts";\nexport const b: C = 1;\n',
      "cli/files/c.ts": 'export type C = number;\nexport * from "../../model/a.ts";\n',
      "cli/files/d.ts": 'export const d = () => import("../../store/b.ts"); // import "../store/e.ts"\n',
      "main.ts":
        'const { a } = await import("./cli/files/c.ts");\nconsole.log(a, "import x from ./no.ts");\n',
    };
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(`${root}/${path}/..`.replace(/[^/]+\/\.\.$/, ""), { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
    assert.deepEqual((await checkTree(root)).sort(), [
      "cli/files/d.ts: may not import store/b.ts",
      "main.ts: may not import cli/files/c.ts",
      "store/b.ts: may not import cli/files/c.ts",
    ]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("checkImports() keeps the program from importing what tests share", () => {
  const to = "store/store_fixture.ts";
  assert.equal(checkImports([{ from: "store/store.ts", to, dynamic: false }]).length, 1);
  assert.deepEqual(checkImports([{ from: "store/crash_child.ts", to, dynamic: false }]), []);
  assert.deepEqual(checkImports([{ from: "reconcile/testing/world.ts", to, dynamic: false }]), []);
});
