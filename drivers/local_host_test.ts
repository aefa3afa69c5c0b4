import assert from "node:assert/strict";
import { join } from "node:path";
import { RuneError } from "../spec/error.ts";
import { contextMaker, scratchDirectory } from "./conformance_trial.ts";
import { LocalHostDriver, type LocalHostOptions } from "./local_host.ts";

const volume = { namespace: "default", name: "cache", sizeBytes: 0, accessMode: "ReadWriteOnce" as const };
const context = contextMaker();

/** A tree with `allowed/` and `secret/data`, and a driver that allows the first. */
async function withHost(
  fn: (
    host: { at: (name: string) => string; make: (options?: Partial<LocalHostOptions>) => LocalHostDriver },
  ) => Promise<void>,
): Promise<void> {
  const scratch = await scratchDirectory();
  const at = (name: string) => join(scratch.path, name);
  try {
    await Deno.mkdir(at("allowed"));
    await Deno.mkdir(at("secret"));
    await Deno.writeTextFile(at("secret/data"), "keep");
    await fn({
      at,
      make: (options) =>
        new LocalHostDriver({ allowlist: [at("allowed")], allowCreateMissing: true, ...options }),
    });
    assert.equal(await Deno.readTextFile(at("secret/data")), "keep");
  } finally {
    await scratch.remove();
  }
}

const driver = new LocalHostDriver({ allowlist: ["/mnt/rune/", "/srv"], allowCreateMissing: false });

for (const hostPath of ["/mnt/rune", "/mnt/rune/shared-cache", "/srv/a/b"]) {
  Deno.test(`LocalHostDriver.validate() allows ${hostPath}`, () => {
    driver.validate({ ...volume, parameters: { hostPath, createIfMissing: "true", uid: "1000", gid: "0" } });
  });
}

const REFUSED: [field: string, parameters: Record<string, string>][] = [
  ["hostPath", {}],
  ["hostPath", { hostPath: "" }],
  ["hostPath", { hostPath: "mnt/rune/x" }],
  ["hostPath", { hostPath: "/mnt/rune/../../etc" }],
  ["hostPath", { hostPath: "/mnt/rune/./x" }],
  ["hostPath", { hostPath: "/mnt/rune//x" }],
  ["hostPath", { hostPath: "/mnt/rune/x/" }],
  ["hostPath", { hostPath: "/mnt/rune/x:ro" }],
  ["hostPath", { hostPath: "/mnt/rune/x\0" }],
  ["hostPath", { hostPath: "/mnt/runes" }],
  ["hostPath", { hostPath: "/mnt" }],
  ["hostPath", { hostPath: "/" }],
  ["createIfMissing", { hostPath: "/srv/x", createIfMissing: "yes" }],
  ["uid", { hostPath: "/srv/x", uid: "app" }],
  ["gid", { hostPath: "/srv/x", gid: "4294967295" }],
  ["hostpath", { hostPath: "/srv/x", hostpath: "/srv/x" }],
];

for (const [field, parameters] of REFUSED) {
  Deno.test(`LocalHostDriver.validate() refuses ${JSON.stringify(parameters)} at ${field}`, () => {
    assert.throws(
      () => driver.validate({ ...volume, parameters }),
      (error) =>
        error instanceof RuneError && error.code === "invalid_argument" &&
        error.issues?.[0]?.path[0] === field,
    );
  });
}

Deno.test("LocalHostDriver.validate() says what to add to the allowlist", () => {
  const parameters = { hostPath: "/data/x" };
  assert.throws(() => driver.validate({ ...volume, parameters }), {
    hint: "add /data to storage.hostPathAllowlist in the runefile, or use a path under /mnt/rune, /srv",
  });
});

Deno.test("LocalHostDriver refuses a link that leads out, at provision and when it is made later", () =>
  withHost(async ({ at, make }) => {
    const driver = make();
    const ctx = context("link", { parameters: { hostPath: at("allowed/link"), createIfMissing: "true" } });
    await Deno.symlink(at("secret"), at("allowed/link"));
    await assert.rejects(driver.provision(ctx), { code: "invalid_argument", permanent: true });
    await Deno.remove(at("allowed/link"));
    await driver.provision(ctx);
    await driver.mount(ctx);
    await Deno.remove(at("allowed/link"));
    await Deno.symlink(at("secret"), at("allowed/link"));
    await assert.rejects(driver.mount(ctx), { code: "invalid_argument", permanent: true });
  }));

Deno.test("LocalHostDriver follows a link that stays inside, and mounts where it leads", () =>
  withHost(async ({ at, make }) => {
    await Deno.mkdir(at("allowed/real"));
    await Deno.symlink("real", at("allowed/link"));
    const ctx = context("inside", { parameters: { hostPath: at("allowed/link") } });
    await make().provision(ctx);
    assert.deepEqual(await make().mount(ctx), { path: at("allowed/real") });
  }));

Deno.test("LocalHostDriver allows a path under an allowlist entry that is itself a link", () =>
  withHost(async ({ at, make }) => {
    await Deno.symlink("allowed", at("alias"));
    await Deno.mkdir(at("allowed/x"));
    const ctx = context("alias", { parameters: { hostPath: at("alias/x") } });
    assert.deepEqual(await make({ allowlist: [at("alias")] }).mount(ctx), { path: at("allowed/x") });
  }));

Deno.test("LocalHostDriver makes a missing directory only when volume and runefile both say so", () =>
  withHost(async ({ at, make }) => {
    const hostPath = at("allowed/a/b");
    const asks = context("asks", { parameters: { hostPath, createIfMissing: "true" } });
    const silent = context("silent", { parameters: { hostPath } });
    await assert.rejects(make({ allowCreateMissing: false }).provision(asks), {
      code: "not_found",
      permanent: true,
    });
    await assert.rejects(make().provision(silent), { code: "not_found", permanent: true });
    await make().provision(asks);
    assert.equal((await Deno.stat(hostPath)).mode! & 0o777, 0o755);
    await make({ allowCreateMissing: false }).provision(asks);
    // A first volume in development also makes the allowed root.
    const fresh = context("fresh", { parameters: { hostPath: at("new/x"), createIfMissing: "true" } });
    await make({ allowlist: [at("new")] }).provision(fresh);
  }));

Deno.test("LocalHostDriver makes nothing through a link that leads out", () =>
  withHost(async ({ at, make }) => {
    for (const [name, target] of [["out", at("secret")], ["dangling", at("secret/made")]] as const) {
      await Deno.symlink(target, at(`allowed/${name}`));
      const parameters = { hostPath: at(`allowed/${name}/x`), createIfMissing: "true" };
      await assert.rejects(make().provision(context(name, { parameters })), RuneError);
    }
    assert.deepEqual((await Array.fromAsync(Deno.readDir(at("secret")))).map((e) => e.name), ["data"]);
  }));

Deno.test("LocalHostDriver refuses a file", () =>
  withHost(async ({ at, make }) => {
    await Deno.writeTextFile(at("allowed/file"), "");
    const ctx = context("file", { parameters: { hostPath: at("allowed/file") } });
    await assert.rejects(make().provision(ctx), { code: "failed_precondition" });
  }));

Deno.test({
  name: "LocalHostDriver gives the directory to uid and gid, and nothing in it (needs root)",
  ignore: Deno.uid() !== 0,
  fn: () =>
    withHost(async ({ at, make }) => {
      await Deno.mkdir(at("allowed/x"));
      await Deno.writeTextFile(at("allowed/x/data"), "");
      const parameters = { hostPath: at("allowed/x"), uid: "1000", gid: "2000" };
      await make().provision(context("owned", { parameters }));
      const root = await Deno.stat(at("allowed/x"));
      assert.deepEqual([root.uid, root.gid, (await Deno.stat(at("allowed/x/data"))).uid], [1000, 2000, 0]);
    }),
});
