/**
 * The rights for exec are checked on the instance at the moment of entering. A socket that was opened while
 * the instance was harmless does not help to enter a privileged one.
 * @module
 */
import assert from "node:assert/strict";
import type { ExecControl, Problem } from "../model/api.ts";
import { EXEC_PROTOCOL } from "../model/exec_protocol.ts";
import { type Host, startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

/** A process of nobody, or with `root` one of the host's administrator. */
const service = (name: string, { root }: { root: boolean }) =>
  JSON.stringify({
    service: {
      name,
      process: { command: "/bin/sleep", args: ["1000000"] },
      stopTimeout: "1s",
      securityContext: { user: root ? "root" : "nobody" },
    },
  });

interface Waiting {
  /** Sends `start` for `id -u`. @returns the output and the last frame. */
  go(): Promise<{ out: string; last: ExecControl }>;
  /** The last frame, if it comes without a `start`. */
  last: Promise<ExecControl>;
  close(): Promise<void>;
}

/** Opens a session as a user without starting it. */
async function openAs({ daemon }: Host, path: string, token: string): Promise<Waiting> {
  const socket = new WebSocket(`${daemon.url.replace("http", "ws")}/v1/namespaces/default/${path}/exec`, {
    headers: { authorization: `Bearer ${token}` },
    protocols: [EXEC_PROTOCOL],
  });
  socket.binaryType = "arraybuffer";
  let out = "";
  const last = Promise.withResolvers<ExecControl>();
  const closed = Promise.withResolvers<void>();
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) out += new TextDecoder().decode(new Uint8Array(data, 1));
    else last.resolve(JSON.parse(data));
  };
  socket.onclose = () => closed.resolve();
  await new Promise((resolve) => socket.onopen = resolve);
  return {
    async go() {
      socket.send(JSON.stringify({ type: "start", command: ["id", "-u"] }));
      socket.send('{"type":"credit","bytes":1000}');
      return { out, last: await last.promise };
    },
    last: last.promise,
    async close() {
      socket.close();
      await closed.promise;
    },
  };
}

function problemOf(last: ExecControl): Problem {
  assert.equal(last.type, "error", JSON.stringify(last));
  return (last as Extract<ExecControl, { type: "error" }>).problem;
}

Deno.test({
  name:
    "exec checks the instance and the rights at the moment of the start, and the audit log records a refusal",
  ignore: noRoot,
  async fn(t) {
    await using host = await startHost({ runefile: "auth: { enabled: true }\n" });
    const file = `${host.home}/root.token`;
    await host.rune("admin", "bootstrap", "--out-file", file);
    await host.rune("login", "local", "--token-file", file);
    const castAs = async (name: string, root: boolean) =>
      void await host.rune("cast", await host.file("s.yaml", service(name, { root })));
    await castAs("web", true);
    await host.rune(
      "admin",
      "policy",
      "set",
      "entering",
      "--rule",
      "services:exec@default",
      "--rule",
      "instances:exec@default",
    );
    const tokenOf = async (user: string) => {
      await host.rune("admin", "user", "create", user, "--policy", "entering");
      return (await host.rune("admin", "token", "create", user)).trim();
    };
    const dev = await tokenOf("dev");
    const denials = async () =>
      (await host.rune("admin", "audit", "--denied", "--user", "dev")).split("\n").filter((l) =>
        l.includes("/exec")
      )
        .length;

    for (const path of ["services/web", "instances/web-0"]) {
      await t.step(`${path}: replaced by one of root between the opening and the start`, async () => {
        await castAs("web", false);
        const early = await openAs(host, path, dev);
        await castAs("web", true);
        const before = await denials();
        const { last, out } = await early.go();
        assert.deepEqual([problemOf(last).code, out], ["permission_denied", ""]);
        assert.match(problemOf(last).detail, /services\.privileged/);
        await until("the refusal is in the audit log", async () => await denials() > before);
        await early.close();
      });
      await t.step(`${path}: replaced by one of nobody between the opening and the start`, async () => {
        const early = await openAs(host, path, dev);
        await castAs("web", false);
        const { last } = await early.go();
        assert.deepEqual(last, { type: "exit", code: 0 });
        await early.close();
      });
    }

    await t.step("deleted, and created again by somebody else", async () => {
      const early = await openAs(host, "services/web", dev);
      await host.rune("delete", "service", "web", "--yes");
      await castAs("web", true);
      assert.equal(problemOf((await early.go()).last).code, "permission_denied");
      await early.close();
    });

    await t.step(
      "removing a policy or revoking a token ends a session that has not started",
      async () => {
        await castAs("web", false);
        const first = await openAs(host, "services/web", dev);
        await host.rune("admin", "user", "grant", "dev", "--policy", "readonly");
        assert.equal(problemOf(await first.last).code, "unauthenticated");
        await first.close();
        const other = await tokenOf("other");
        const second = await openAs(host, "services/web", other);
        await host.rune("admin", "token", "revoke", other.slice(5, 21));
        assert.match(problemOf(await second.last).detail, /revoked/);
        await second.close();
      },
    );
  },
});
