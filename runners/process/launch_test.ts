import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import type { RunSpec } from "../runner.ts";
import { planLaunch } from "./launch.ts";
import { cannotRun } from "./test_room.ts";

function spec(overrides: Partial<RunSpec>): RunSpec {
  return {
    instanceUid: "uid",
    run: 1,
    namespace: "default",
    service: "web",
    instance: "web-0",
    generation: 1,
    specHash: "0",
    process: { command: "sh", args: ["-c", "true"] },
    env: {},
    mounts: [],
    aliases: [],
    publish: [],
    ...overrides,
  };
}

const command = (command: string, workdir?: string) => ({ process: { command, args: [], workdir } });

const REFUSED: [string, Partial<RunSpec>, { code: string; says: RegExp; root?: boolean }][] = [
  ["an image", { image: "nginx" }, { code: "invalid_argument", says: /image belongs to containers/ }],
  ["a container's command", { command: ["sh"] }, { code: "invalid_argument", says: /command belongs/ }],
  ["no process", { process: undefined }, { code: "invalid_argument", says: /web-0 names no process/ }],
  ["a missing file", command("/no/such"), { code: "not_found", says: /\/no\/such is not an executable/ }],
  ["a file that is no program", command("/etc/passwd"), { code: "not_found", says: /\/etc\/passwd is not/ }],
  ["a directory", command("/etc"), { code: "not_found", says: /\/etc is not/ }],
  ["a missing name", command("no-such-program"), { code: "not_found", says: /"no-such-program".*PATH/ }],
  ["a relative path", command("./server"), { code: "invalid_argument", says: /"\.\/server" is relative/ }],
  ["a missing workdir", command("sh", "/no/dir"), { code: "not_found", says: /working directory \/no\/dir/ }],
  ["a variable with a dot", { env: { "a.b": "" } }, { code: "invalid_argument", says: /"a\.b"/ }],
  ["another host port", { publish: [{ port: 80, hostPort: 8080, protocol: "tcp" }] }, {
    code: "failed_precondition",
    says: /port 80 .* 8080/,
  }],
  ["a missing mount source", { mounts: [{ source: "/no/dir", target: "/mnt", readOnly: false }] }, {
    code: "not_found",
    says: /\/no\/dir, to be mounted at \/mnt/,
  }],
  ["a mount elsewhere, without root", { mounts: [{ source: "/tmp", target: "/mnt", readOnly: false }] }, {
    code: "failed_precondition",
    says: /cannot mount \/tmp at \/mnt/,
    root: false,
  }],
  ["a read-only mount, without root", { mounts: [{ source: "/tmp", target: "/tmp", readOnly: true }] }, {
    code: "failed_precondition",
    says: /cannot mount \/tmp read-only/,
    root: false,
  }],
];

for (const [what, overrides, { code, says, root }] of REFUSED) {
  Deno.test({
    name: `planLaunch() refuses ${what}`,
    ignore: cannotRun,
    fn: () =>
      assert.rejects(planLaunch(spec(overrides), root), (error) => {
        assert.ok(error instanceof RuneError);
        assert.equal(error.code, code);
        assert.match(error.message, says);
        assert.ok(error.hint);
        return true;
      }),
  });
}

Deno.test({
  name: "planLaunch() shares the host's view if all mounts are in place, without root",
  ignore: cannotRun,
  fn: async () => {
    const mounts = [{ source: "/tmp", target: "/tmp", readOnly: false }];
    const launch = await planLaunch(spec({ mounts }), false);
    assert.equal(launch.view, "shared");
    // Root gives the run its own view all the same, without setuid programs and devices.
    assert.equal((await planLaunch(spec({ mounts }), true)).view, "private");
  },
});

Deno.test({
  name: "planLaunch() finds an executable and a workdir that lie within a mount",
  ignore: cannotRun,
  fn: async () => {
    const mounts = [{ source: "/usr/bin", target: "/app/bin", readOnly: true }];
    const launch = await planLaunch(spec({ ...command("./env", "/app/bin"), mounts }), true);
    assert.equal(launch.command[0], "/app/bin/env");
    assert.equal(launch.view, "private");
  },
});

Deno.test({
  name: "planLaunch() prefers the spec's environment to the base",
  ignore: cannotRun,
  fn: async () => {
    const { env } = await planLaunch(spec({ env: { HOME: "/srv", PATH: "/usr/bin:/bin" } }));
    assert.equal(env.HOME, "/srv");
    assert.equal(env.PATH, "/usr/bin:/bin");
  },
});
