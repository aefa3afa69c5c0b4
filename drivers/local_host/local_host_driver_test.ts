import assert from "node:assert/strict";
import { join } from "node:path";
import { RuneError } from "../../model/error.ts";
import { contextMaker, scratchDirectory } from "../conformance_trial.ts";
import { bindDirectory, unmountDirectory } from "../host.ts";
import { ProtectedDirectories } from "./protected.ts";
import { LocalHostDriver, type LocalHostOptions } from "./local_host_driver.ts";

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
        new LocalHostDriver({
          allowlist: () => [at("allowed")],
          allowCreateMissing: true,
          protected: new ProtectedDirectories([{
            path: at("allowed/state"),
            what: "the data directory of Rune",
          }]),
          ...options,
        }),
    });
    assert.equal(await Deno.readTextFile(at("secret/data")), "keep");
  } finally {
    await scratch.remove();
  }
}

const driver = new LocalHostDriver({
  allowlist: () => ["/mnt/rune/", "/srv"],
  allowCreateMissing: false,
  protected: new ProtectedDirectories([{ path: "/srv/rune/data", what: "the data directory of Rune" }]),
});

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
    hint:
      "add /data to storage.hostPathAllowlist in the runefile, or to grants.default.hostPaths for this namespace " +
      "only, or use a path under /mnt/rune, /srv",
  });
});

Deno.test("LocalHostDriver refuses a link that leads out, at provision and if it is created later", () =>
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

Deno.test("LocalHostDriver follows no link, names the real path, and accepts that path", () =>
  withHost(async ({ at, make }) => {
    await Deno.mkdir(at("allowed/real/x"), { recursive: true });
    await Deno.symlink("real", at("allowed/link"));
    const ctx = (name: string, hostPath: string) => context(name, { parameters: { hostPath } });
    await assert.rejects(make().provision(ctx("linked", at("allowed/link/x"))), {
      code: "invalid_argument",
      message: new RegExp(
        `goes through the symbolic link ${at("allowed/link")}, which leads to real; no link`,
      ),
      hint: `replace the link by a directory, or set hostPath to ${at("allowed/real/x")}`,
    });
    assert.deepEqual(await make().mount(ctx("real", at("allowed/real/x"))), { path: at("allowed/real/x") });

    await Deno.mkdir(at("disk/x"), { recursive: true });
    await Deno.symlink(at("disk"), at("allowed/disk"));
    await assert.rejects(make().provision(ctx("away", at("allowed/disk/x"))), {
      hint: new RegExp(`name ${at("disk/x")} itself and add ${at("disk")} to storage.hostPathAllowlist`),
    });
    const allowed = make({ allowlist: () => [at("disk")] });
    assert.deepEqual(await allowed.mount(ctx("disk", at("disk/x"))), { path: at("disk/x") });
  }));

Deno.test("LocalHostDriver allows each namespace its own directories", () =>
  withHost(async ({ at, make }) => {
    await Deno.mkdir(at("allowed/x"));
    const driver = make({ allowlist: (namespace) => namespace === "prod" ? [at("allowed")] : [] });
    const parameters = { hostPath: at("allowed/x") };
    driver.validate({ ...volume, namespace: "prod", parameters });
    assert.throws(() => driver.validate({ ...volume, parameters }), { code: "invalid_argument" });
    await assert.rejects(driver.mount(context("x", { parameters })), { code: "invalid_argument" });
  }));

const SYSTEM = ["/etc", "/etc/ssh", "/proc/1", "/sys", "/dev/shm", "/run/user/0", "/boot", "/var/run/docker"];
for (const hostPath of ["/", "/srv", "/srv/rune", "/srv/rune/data", "/srv/rune/data/audit", ...SYSTEM]) {
  Deno.test(`LocalHostDriver never gives out ${hostPath}, whatever is allowed`, async () => {
    const everything = new LocalHostDriver({
      allowlist: () => ["/"],
      allowCreateMissing: true,
      protected: new ProtectedDirectories([{ path: "/srv/rune/data", what: "the data directory of Rune" }]),
    });
    const parameters = { hostPath };
    // /var/run is a link, which only a look at the host shows.
    if (!hostPath.startsWith("/var/run")) {
      assert.throws(() => everything.validate({ ...volume, parameters }), {
        code: "invalid_argument",
        message: /never a volume/,
      });
    }
    await assert.rejects(everything.mount(context("x", { parameters })), { code: "invalid_argument" });
  });
}

Deno.test({
  name: "LocalHostDriver recognizes protected directories behind bind mounts (needs root)",
  ignore: Deno.uid() !== 0,
  fn: () =>
    withHost(async ({ at, make }) => {
      await Deno.mkdir(at("state/audit"), { recursive: true });
      const driver = make({
        protected: new ProtectedDirectories([{ path: at("state"), what: "the data directory of Rune" }]),
      });
      const { signal } = new AbortController();
      // Below it, itself, and what holds it, each under an innocent name.
      for (const [shown, hostPath] of [["state/audit", "bound"], ["state", "bound/audit"], [".", "bound"]]) {
        await Deno.mkdir(at("allowed/bound"), { recursive: true });
        await bindDirectory(at(shown!), { directory: at("allowed/bound"), signal });
        try {
          const parameters = { hostPath: at(`allowed/${hostPath}`), createIfMissing: "true" };
          const ctx = context("bound", { parameters });
          for (const verb of ["provision", "mount", "open", "usage"] as const) {
            await assert.rejects(driver[verb](ctx), { code: "invalid_argument", message: /never a volume/ });
          }
          const inside = { ...parameters, hostPath: at("allowed/bound/made") };
          const made = driver.provision(context("made", { parameters: inside }));
          if (shown !== ".") await assert.rejects(made, { message: /never a volume/ });
          else await made;
          assert.equal(await Deno.stat(at("state/made")).catch(() => "nothing"), "nothing");
        } finally {
          await unmountDirectory(at("allowed/bound"), signal);
        }
      }
    }),
});

Deno.test("LocalHostDriver allows a path below an allowlist entry that is itself a link", () =>
  withHost(async ({ at, make }) => {
    await Deno.symlink("allowed", at("alias"));
    await Deno.mkdir(at("allowed/x"));
    const ctx = context("alias", { parameters: { hostPath: at("alias/x") } });
    assert.deepEqual(await make({ allowlist: () => [at("alias")] }).mount(ctx), { path: at("allowed/x") });
  }));

Deno.test("LocalHostDriver creates a missing directory only if the volume and the runefile both permit it", () =>
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
    await make({ allowlist: () => [at("new")] }).provision(fresh);
  }));

Deno.test("LocalHostDriver creates nothing behind a link that leads out", () =>
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
