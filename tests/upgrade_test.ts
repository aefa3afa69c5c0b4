/**
 * Data directories of released versions, stored as text in `fixtures/data/`, open in this version: everything
 * is there, secrets can be read, tokens still work, and unfinished work is completed.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { capture } from "../scripts/command.ts";
import { RUNE } from "../scripts/daemon.ts";
import { fixtureKey, fixtureToken, replayDataDir } from "../scripts/data_fixture.ts";
import { RESOURCES } from "../server/api/openapi.ts";
import { KINDS } from "../model/kinds.ts";
import type { AnyResource } from "../model/resource.ts";
import { SCHEMA, valueKey } from "../store/keys.ts";
import { openStore } from "../store/store.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const FIXTURES = new URL("./fixtures/data/", import.meta.url);
const PUBLIC = Object.values(KINDS).filter((kind) => kind.public);
/** What the recorded daemon contained, besides what it created itself. */
const HELD: Record<string, string[]> = {
  namespaces: ["default", "prod"],
  storageclasses: ["copied", "kept", "local", "local-host"],
  secrets: ["db", "pull"],
  configmaps: ["huge", "large", "last", "settings"],
  volumes: ["data Bound", "spare Available", "stalled Stalled", "t-set-0 Released", "t-set-1 Released"],
  snapshots: ["before Ready"],
  services: ["agent", "failing", "stopped", "web"],
};

/**
 * Creates the data directory of a fixture with a daemon identity of its own, because tests run side by side.
 */
async function replay(name: string, home: string) {
  const head = await replayDataDir(await Deno.readTextFile(new URL(name, FIXTURES)), home);
  const kek = (await fixtureKey(head.version, "kek")).toBase64();
  await Deno.writeTextFile(`${home}/.rune/kek`, kek, { mode: 0o600 });
  const daemonId = crypto.randomUUID();
  using kv = await Deno.openKv(`${home}/.rune/state.db`);
  await kv.set(valueKey("daemon-id"), new TextEncoder().encode(JSON.stringify(daemonId)));
  return { token: await fixtureToken(head), daemonId };
}

async function withHome(test: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "rune-test-upgrade-" });
  try {
    await test(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const fixtures = [...Deno.readDirSync(FIXTURES)].map(({ name }) => name).sort();

for (const name of fixtures) {
  Deno.test(`every resource that ${name} holds is as this version would write it`, () =>
    withHome(async (home) => {
      await replay(name, home);
      const store = await openStore({ dataDir: `${home}/.rune` });
      try {
        for (const { kind, plural } of PUBLIC) {
          const resources: AnyResource[] = store.list(kind);
          const wanted = HELD[plural];
          if (wanted) {
            const found = resources.map((r) =>
              r.kind === "volume" || r.kind === "snapshot" ? `${r.name} ${r.status.state}` : r.name
            );
            assert.deepEqual(found.sort(), wanted, plural);
          } else assert.ok(resources.length > 0, plural);
          const schema = RESOURCES[kind as keyof typeof RESOURCES];
          // Stored data is read without schemas, so a default that only the schema adds is missing there: it
          // needs a migration.
          for (const resource of resources) assert.deepEqual(schema.parse(resource), resource);
        }
        for (const kind of ["user", "token", "policy", "registry", "sealedSecret", "lease"] as const) {
          assert.ok(store.list(kind).length > 0, kind);
        }
        const huge = store.get("configmap", "default", "huge")!;
        assert.equal(huge.spec.data.text!.length, 700_000, "the redo log was applied");
        const history = await store.history("service", "default", "agent");
        assert.deepEqual(history.map(({ generation }) => generation), [2, 1]);
      } finally {
        await store.close();
      }
    }));

  Deno.test({
    name:
      `a daemon goes on with the data directory of ${name}: tokens let in, secrets reach processes, services run`,
    ignore: noDocker || noRoot,
    fn: () =>
      withHome(async (home) => {
        await ensureTestImage();
        const { token, daemonId } = await replay(name, home);
        await using host = await startHost({
          runefile: "auth: { enabled: true }\n",
          dataDir: `${home}/.rune`,
        });
        host.daemonId = daemonId;
        await Deno.writeTextFile(`${host.home}/token`, token, { mode: 0o600 });
        await host.rune("login", "local", "--token-file", `${host.home}/token`);
        await asRecorded(host);
      }),
  });
}

async function asRecorded(host: Host): Promise<void> {
  for (const [plural, names] of Object.entries(HELD)) {
    const { items } = await host.get(plural, "-A");
    assert.deepEqual(items.map((r: AnyResource) => r.name).sort(), names.map((n) => n.split(" ")[0]), plural);
  }
  for (const service of ["web", "agent"]) {
    await until(
      `${service} runs`,
      async () => (await host.get("service", service)).status.state === "Running",
    );
  }
  const said = await until("agent said its password", () => host.rune("logs", "agent"));
  assert.match(said, /open-sesame/);
  assert.equal(await host.rune("exec", "web", "--", "cat", "/data/file", "/settings/mode"), "kept\nfast");
  assert.match(await host.rune("admin", "user", "list"), /^ann /m);
  assert.match(await host.rune("admin", "service", "list"), /^ci +prod/m);
  assert.match(await host.rune("admin", "registry", "list"), /registry\.test\/team +stored/);
  assert.match(await host.rune("history", "agent"), /^2 /m);
  await host.rune("volume", "restore", "copy", "--from-snapshot", "before");
  await host.rune("delete", "service", "web", "agent", "failing", "--yes");
}

Deno.test({
  name: "an older program refuses the data directory of a newer one, says so, and does not change it",
  ignore: noRoot,
  fn: () =>
    withHome(async (home) => {
      await replay(fixtures.at(-1)!, home);
      const state = `${home}/.rune/state.db`;
      const layout = async (change?: number) => {
        using kv = await Deno.openKv(state);
        if (change !== undefined) await kv.set(SCHEMA, change);
        return (await kv.get<number>(SCHEMA)).value!;
      };
      const known = await layout();
      await layout(known + 1);
      const before = await Deno.readFile(state);
      const { code, stderr } = await capture([
        ...RUNE,
        "serve",
        "--data-dir",
        `${home}/.rune`,
        "--http-addr",
        "127.0.0.1:0",
      ]);
      assert.equal(code, 1, stderr);
      assert.match(
        stderr,
        new RegExp(`the state has layout ${known + 1}; this program knows up to ${known}`),
      );
      assert.match(stderr, /\nhint: start the newer version of Rune/);
      assert.equal(await layout(), known + 1);
      assert.deepEqual(await Deno.readFile(state), before);
    }),
});
