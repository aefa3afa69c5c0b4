import assert from "node:assert/strict";
import { join } from "node:path";
import { contextMaker, type ContextOverrides, scratchDirectory } from "../conformance_trial.ts";
import type { VolumeContext } from "../driver.ts";
import { LocalDriver } from "./local_driver.ts";
import type { LocalOptions } from "./options.ts";

const { signal } = new AbortController();

interface Room {
  root: string;
  /** A path below the root. */
  at: (name: string) => string;
  make: (options?: Partial<LocalOptions>) => LocalDriver;
  context: (name: string, overrides?: ContextOverrides) => VolumeContext;
}

async function withRoot(fn: (room: Room) => Promise<void>): Promise<void> {
  const scratch = await scratchDirectory();
  const root = join(scratch.path, "volumes");
  try {
    await fn({
      root,
      at: (name) => join(root, name),
      make: (options) => new LocalDriver({ root, ...options }),
      context: contextMaker(),
    });
  } finally {
    await scratch.remove();
  }
}

const withNewUid = (ctx: VolumeContext) => ({ ...ctx, volume: { ...ctx.volume, uid: crypto.randomUUID() } });
const mode = async (path: string) => (await Deno.stat(path)).mode! & 0o7777;
const listHidden = async (directory: string) =>
  (await Array.fromAsync(Deno.readDir(directory))).map((e) => e.name).filter((name) => name.startsWith("."));

Deno.test("LocalDriver keeps volumes at <root>/<namespace>/<name>, below directories that are closed to other users", () =>
  withRoot(async ({ at, root, make, context }) => {
    const umask = Deno.umask(0o077);
    try {
      assert.equal((await make().provision(context("web"))).handle, at("default/web"));
    } finally {
      Deno.umask(umask);
    }
    assert.deepEqual(
      [await mode(root), await mode(at("default")), await mode(at("default/web")), await mode(at(".rune"))],
      [0o700, 0o700, 0o755, 0o700],
    );
  }));

Deno.test("prepare() closes a root that was left open, and does not change volumes and snapshots", () =>
  withRoot(async ({ at, root, make, context }) => {
    assert.deepEqual(await make().prepare(), [], "there is nothing yet");
    const ctx = context("web");
    await make().provision(ctx);
    const snapshot = { namespace: "default", name: "s", uid: crypto.randomUUID() };
    const { handle } = await make().snapshot(ctx, snapshot);
    const walls = [root, at("default"), at(".rune"), at(".rune/default"), at(".snapshots/default")];
    for (const path of [...walls, at(".snapshots")]) await Deno.chmod(path, 0o711);
    await Deno.symlink("/etc", at("linked"));
    const etc = await mode("/etc");
    assert.deepEqual(await make().prepare(), []);
    assert.deepEqual(await Promise.all(walls.map(mode)), walls.map(() => 0o700));
    assert.deepEqual([await mode(at("default/web")), await mode(handle)], [0o755, 0o755]);
    assert.equal(await mode("/etc"), etc, "a link is not followed");
  }));

Deno.test("provision() adopts a directory with data, reports it every time, and changes nothing in it", () =>
  withRoot(async ({ at, make, context }) => {
    await Deno.mkdir(at("default/web"), { recursive: true });
    await Deno.chmod(at("default/web"), 0o700);
    await Deno.writeTextFile(at("default/web/data"), "kept");
    const ctx = context("web");
    assert.deepEqual(await make().provision(ctx), { handle: at("default/web"), adopted: true });
    assert.deepEqual(await make().provision(ctx), { handle: at("default/web"), adopted: true });
    assert.equal(await Deno.readTextFile(at("default/web/data")), "kept");
    assert.equal(await mode(at("default/web")), 0o700);
  }));

Deno.test("provision() does not report its own data as adopted, and adopts the data of a volume that the store lost", () =>
  withRoot(async ({ at, make, context }) => {
    const ctx = context("web");
    await make().provision(ctx);
    await Deno.writeTextFile(at("default/web/data"), "x");
    assert.equal((await make().provision(ctx)).adopted, false);
    assert.equal((await make().provision(withNewUid(ctx))).adopted, true);
  }));

Deno.test("provision() and mount() do not start over if the data has disappeared", () =>
  withRoot(async ({ at, make, context }) => {
    const ctx = context("web");
    await make().provision(ctx);
    await Deno.remove(at("default/web"));
    await assert.rejects(make().provision(ctx), { code: "unavailable" });
    await assert.rejects(make().mount(ctx), { code: "unavailable" });
  }));

for (const link of ["default", "default/web"]) {
  Deno.test(`LocalDriver follows no symbolic link at ${link}`, () =>
    withRoot(async ({ at, make, context }) => {
      await Deno.mkdir(at("elsewhere/web"), { recursive: true });
      await Deno.writeTextFile(at("elsewhere/web/data"), "kept");
      if (link !== "default") await Deno.mkdir(at("default"));
      await Deno.symlink(at(link === "default" ? "elsewhere" : "elsewhere/web"), at(link));
      const ctx = { ...context("web"), handle: at("default/web") };
      for (const verb of ["provision", "mount", "delete"] as const) {
        await assert.rejects(make()[verb](ctx), { code: "failed_precondition", permanent: true }, verb);
      }
      assert.equal(await Deno.readTextFile(at("elsewhere/web/data")), "kept");
    }));
}

Deno.test("LocalDriver refuses names and uids that are paths", () =>
  withRoot(async ({ make, context }) => {
    const { volume } = context("web");
    for (const wrong of [{ name: "../x" }, { namespace: ".." }, { name: ".trash" }, { namespace: "a/b" }]) {
      const ctx = context("web", { volume: { ...volume, ...wrong } });
      await assert.rejects(make().provision(ctx), { code: "invalid_argument" });
    }
    const snapshot = { namespace: "default", name: "s", uid: "../../x" };
    await assert.rejects(make().deleteSnapshot(context("web"), snapshot), { code: "invalid_argument" });
    await assert.rejects(make().materialize(context("web"), { from: "trash", id: ".." }), {
      code: "invalid_argument",
    });
  }));

Deno.test("delete() moves the data to the trash, and materialize() restores it, with each call repeated", () =>
  withRoot(async ({ at, make, context }) => {
    const ctx = context("web");
    await make().provision(ctx);
    await Deno.writeTextFile(at("default/web/data"), "kept");
    await make().delete(ctx);
    await make().delete(ctx);
    const [entry, ...others] = await make().listTrash(signal);
    assert.deepEqual(others, []);
    const { uid, name, namespace } = ctx.volume;
    assert.deepEqual([entry!.id, entry!.uid, entry!.namespace, entry!.name], [uid, uid, namespace, name]);

    const back = withNewUid(context("again"));
    assert.deepEqual(await make().materialize(back, { from: "trash", id: uid }), {
      handle: at("default/again"),
      adopted: false,
    });
    assert.deepEqual(await make().materialize(back, { from: "trash", id: uid }), {
      handle: at("default/again"),
      adopted: false,
    });
    assert.deepEqual(await make().provision(back), { handle: at("default/again"), adopted: false });
    assert.equal(await Deno.readTextFile(at("default/again/data")), "kept");
    assert.deepEqual(await make().listTrash(signal), []);
    await assert.rejects(make().materialize(context("other"), { from: "trash", id: uid }), {
      code: "not_found",
      permanent: true,
    });
  }));

Deno.test("materialize() from the trash never overwrites data", () =>
  withRoot(async ({ at, make, context }) => {
    const ctx = context("web");
    await make().provision(ctx);
    await make().delete(ctx);
    const next = withNewUid(ctx);
    await make().provision(next);
    await Deno.writeTextFile(at("default/web/data"), "new");
    await assert.rejects(make().materialize(next, { from: "trash", id: ctx.volume.uid }), {
      code: "already_exists",
    });
    assert.equal(await Deno.readTextFile(at("default/web/data")), "new");
    assert.equal((await make().listTrash(signal)).length, 1);
  }));

Deno.test("delete() keeps every copy when a volume is deleted, created and deleted again", () =>
  withRoot(async ({ at, make, context }) => {
    const ctx = context("web");
    for (const data of ["one", "two"]) {
      await make().provision(ctx);
      await Deno.writeTextFile(at("default/web/data"), data);
      await make().delete(ctx);
    }
    const entries = await make().listTrash(signal);
    assert.deepEqual(await Promise.all(entries.map(({ path }) => Deno.readTextFile(join(path, "data")))), [
      "one",
      "two",
    ]);
  }));

Deno.test("delete() leaves data that it did not create or adopt, and a volume that has taken the name", () =>
  withRoot(async ({ at, make, context }) => {
    await Deno.mkdir(at("default/web"), { recursive: true });
    await Deno.writeTextFile(at("default/web/data"), "kept");
    const never = context("web");
    await make().delete(never);
    await make().provision(withNewUid(never));
    await make().delete({ ...never, handle: at("default/web") });
    assert.equal(await Deno.readTextFile(at("default/web/data")), "kept");
  }));

Deno.test("delete() keeps the data with preserveOnDelete, and removes it at once with a retention of 0", () =>
  withRoot(async ({ at, make, context }) => {
    const ctx = context("web");
    await make().provision(ctx);
    await make({ preserveOnDelete: true }).delete(ctx);
    assert.ok(await Deno.stat(at("default/web")));
    await make({ trashRetentionMs: 0 }).delete(ctx);
    assert.deepEqual(await make().listTrash(signal), []);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(at(".trash"))), []);
  }));

Deno.test("purgeTrash() destroys what is due, and only entries with a manifest", () =>
  withRoot(async ({ at, make, context }) => {
    const driver = make();
    const ctx = context("web");
    await driver.provision(ctx);
    await driver.delete(ctx);
    await Deno.mkdir(at(".trash/foreign/data"), { recursive: true });
    await Deno.mkdir(at(".trash/lost+found"));
    const [entry] = await driver.listTrash(signal);
    assert.deepEqual(await driver.purgeTrash((at) => at < entry!.deletedAt, signal), []);
    assert.deepEqual(await driver.purgeTrash((at) => at === entry!.deletedAt, signal), [entry]);
    const left = (await Array.fromAsync(Deno.readDir(at(".trash")))).map((e) => e.name).sort();
    assert.deepEqual(left, ["foreign", "lost+found"]);
  }));

Deno.test("sweep() removes only what interrupted calls of another object left", () =>
  withRoot(async ({ at, make, context }) => {
    const driver = make();
    const ctx = context("web");
    await driver.provision(ctx);
    const snapshot = { namespace: "default", name: "s", uid: crypto.randomUUID() };
    await driver.snapshot(ctx, snapshot);
    const gone = context("gone");
    await driver.provision(gone);
    await driver.delete(gone);
    const uid = gone.volume.uid;
    // As if killed: in a copy, in the removal of a snapshot, in a purge, between a manifest and its data.
    const token = "0123456789ab";
    await Deno.mkdir(at(`default/.web.${token}.partial/x`), { recursive: true });
    await Deno.mkdir(at(`.snapshots/default/.${snapshot.uid}.${token}.removing`));
    await Deno.mkdir(at(`default/.own-hidden`));
    await Deno.mkdir(at(".trash/half"));
    await Deno.copyFile(at(`.trash/${uid}/manifest.json`), at(".trash/half/manifest.json"));
    await Deno.rename(at(`.trash/${uid}`), at(`.trash/.${uid}.${token}.removing`));
    // Before a manifest, after one, and at the end of a purge.
    await Deno.mkdir(at(`.trash/${crypto.randomUUID()}`));
    await Deno.mkdir(at(`.trash/.${crypto.randomUUID()}.${token}.removing`));
    await make().sweep(signal);
    assert.deepEqual(await listHidden(at("default")), [".own-hidden"]);
    assert.deepEqual(await listHidden(at(".snapshots/default")), []);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(at(".trash"))), []);
    const note = at(`.rune/default/${gone.volume.name}.json`);
    await Deno.writeTextFile(`${note}.new`, "{");
    await make().delete(gone);
    await assert.rejects(Deno.stat(`${note}.new`), Deno.errors.NotFound);
    assert.ok(await Deno.stat(at("default/web")));
    assert.ok(await Deno.stat(at(`.snapshots/default/${snapshot.uid}`)));
  }));

Deno.test("an aborted snapshot() stops the copy and leaves nothing", () =>
  withRoot(async ({ at, make, context }) => {
    const driver = make();
    const ctx = context("web");
    await driver.provision(ctx);
    const first = { namespace: "default", name: "first", uid: crypto.randomUUID() };
    await driver.snapshot(ctx, first);
    await Deno.writeFile(at("default/web/data"), new Uint8Array(64 << 20).fill(7));
    const abort = new AbortController();
    const uid = crypto.randomUUID();
    const watcher = Deno.watchFs(at(".snapshots/default"));
    const call = driver.snapshot({ ...ctx, signal: abort.signal }, { ...first, uid });
    for await (const { paths } of watcher) if (paths.some((path) => path.endsWith(".partial"))) break;
    abort.abort();
    await assert.rejects(call, { code: "unavailable", permanent: false });
    const left = (await Array.fromAsync(Deno.readDir(at(".snapshots/default")))).map((e) => e.name);
    assert.deepEqual(left, [first.uid]);
  }));

Deno.test("LocalDriver refuses a root that another daemon uses, and volumes of another daemon", () =>
  withRoot(async ({ root, make, context }) => {
    const owner = (daemonId: string) => ({ owner: { daemonId, dataDir: `/data/${daemonId}` } });
    const first = make(owner("a"));
    const ctx = context("web");
    await first.provision(ctx);
    const second = make(owner("b"));
    const inUse = /is used by another Rune daemon, a of the data directory \/data\/a/;
    for (const call of [() => second.prepare(), () => second.provision(context("other"))]) {
      await assert.rejects(call, { code: "failed_precondition", message: inUse });
    }
    // The first daemon has ended, but its volumes are still its own.
    first.close();
    await Deno.remove(`${root}/.rune/.owner`);
    await second.prepare();
    const theirs = {
      code: "failed_precondition",
      message: new RegExp(`${root}/default/web is a volume of another Rune daemon, a of`),
      hint: new RegExp(`its own storage.localVolumeRoot; .* remove ${root}/.rune/default/web.json`),
    };
    const same = { ...ctx, handle: `${root}/default/web` };
    for (const verb of ["provision", "mount", "open", "usage", "delete"] as const) {
      await assert.rejects(second[verb](same), theirs, verb);
      await assert.rejects(second[verb](withNewUid(same)), theirs, verb);
    }
    await second.provision(context("other"));
    await Deno.remove(`${root}/.rune/default/web.json`);
    await second.mount(same);
    second.close();
  }));

Deno.test("LocalDriver accepts volumes of an earlier version, whose markers name no daemon", () =>
  withRoot(async ({ at, make, context }) => {
    const ctx = context("web");
    await make().provision(ctx);
    const driver = make({ owner: { daemonId: "a", dataDir: "/data/a" } });
    await driver.mount(ctx);
    driver.close();
    assert.equal(JSON.parse(await Deno.readTextFile(at(".rune/default/web.json"))).daemonId, "a");
  }));

Deno.test("LocalDriver remembers the filesystem of its root, with many volumes at once and after a killed daemon", () =>
  withRoot(async ({ at, root, make, context }) => {
    await Deno.mkdir(root);
    const memory = at("../memory.json");
    await Deno.writeTextFile(`${memory}.new`, "half writ");
    const driver = make({ memory });
    await Promise.all(["a", "b", "c"].map((name) => driver.provision(context(name))));
    const { filesystem } = JSON.parse(await Deno.readTextFile(memory));
    await Deno.writeTextFile(
      memory,
      JSON.stringify({ root, filesystem: { ...filesystem, id: "another", path: "/other" } }),
    );
    const next = make({ memory });
    await assert.rejects(next.provision(context("d")), { code: "unavailable", permanent: false });
    await assert.rejects(next.listTrash(signal), { code: "unavailable" });
    await assert.rejects(next.sweep(signal), { code: "unavailable" });
    assert.equal((await next.prepare()).length, 1, "the operator is told at the start");
    // A volume at its original place proves that the root is right.
    const ctx = context("a");
    await next.usage({ ...ctx, handle: at("default/a"), filesystem: (await next.filesystem(ctx))! });
    await next.provision(context("d"));
  }));
