import assert from "node:assert/strict";
import { createApp } from "../app.ts";
import { problemOf } from "../server_fixture.ts";
import { type RunningServer, withRunner } from "./instance_fixture.ts";

const ns = "/v1/namespaces/default";

/** The last frame of a session, from a socket of this machine. */
async function lastFrame({ deps }: RunningServer, path: string, command: string[]): Promise<unknown> {
  const app = createApp(deps);
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request, { remoteAddr }) => app.fetch(request, { peer: (remoteAddr as Deno.NetAddr).hostname }),
  );
  const frames: string[] = [];
  const closed = Promise.withResolvers<void>();
  const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}${path}`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => socket.send(JSON.stringify({ type: "start", command, tty: false, stdin: false }));
  socket.onmessage = ({ data }) => typeof data === "string" && frames.push(data);
  socket.onclose = () => closed.resolve();
  socket.onerror = () => closed.resolve();
  await closed.promise;
  await server.shutdown();
  return JSON.parse(frames.at(-1)!);
}

Deno.test("exec needs a WebSocket, however often it is asked without one", () =>
  withRunner(async ({ send }) => {
    for (let n = 0; n < 70; n++) {
      const { detail, hint } = await problemOf(
        send("GET", `${ns}/instances/web-0/exec`),
        "invalid_argument",
      );
      assert.match(detail, /needs a WebSocket/);
      assert.match(hint!, /rune exec/);
    }
  }));

Deno.test("exec runs a command in any ready instance of a service, and answers with its exit code", () =>
  withRunner(async (server) => {
    await server.addInstance(0, { ready: false, state: "Unhealthy" });
    await server.addInstance(1);
    for (
      const [path, command, code] of [
        ["services/web", "true", 0],
        ["instances/web-1", "false", 1],
      ] as const
    ) {
      assert.deepEqual(await lastFrame(server, `${ns}/${path}/exec`, [command]), { type: "exit", code });
    }
  }));

Deno.test("exec says in its last frame that nothing runs, and what it is instead", () =>
  withRunner(async (server) => {
    const problem = async (path: string) =>
      (await lastFrame(server, `${ns}/${path}/exec`, ["true"]) as {
        problem: { code: string; detail: string };
      })
        .problem;
    const none = await problem("services/web");
    assert.deepEqual([none.code, /it has none/.test(none.detail)], ["failed_precondition", true]);
    await server.addInstance(0, { state: "Pending", ready: false, run: 0 });
    assert.match((await problem("instances/web-0")).detail, /web-0 is Pending/);
    assert.equal((await problem("services/absent")).code, "not_found");
  }));
