import assert from "node:assert/strict";
import { makeDriverSettings } from "../../drivers/testing/settings.ts";
import { getLogger } from "@logtape/logtape";
import type { ExecControl, LogLine, Status } from "../../model/api.ts";
import type { RuneError } from "../../model/error.ts";
import type { Service } from "../../model/service.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { SECRET_LIMITS } from "../admission/secret_writes.ts";
import type { Settings } from "./settings.ts";

const logger = getLogger("test");

interface Running {
  daemon: Daemon;
  settings: Settings;
  url: string;
}

/**
 * Runs `test` with a daemon on a free port, without Docker, and removes everything afterwards, processes too.
 */
async function withDaemon(test: (running: Running) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "rune-daemon-" });
  const settings: Settings = {
    dataDir: `${dir}/data`,
    devMode: false,
    addresses: [{ hostname: "127.0.0.1", port: 0 }],
    log: { level: "error", format: "text" },
    node: { name: "n1", labels: {} },
    expose: { httpPort: 7880, httpsPort: 7843 },
    docker: { socket: `${dir}/no-docker.sock`, registries: [] },
    auth: { enabled: false, allowRemoteAdmin: false },
    crypto: { kek: { from: "file", path: `${dir}/data/kek` }, secretLimits: SECRET_LIMITS },
    grants: {},
    storage: makeDriverSettings(dir),
    warnings: [],
  };
  let daemon: Daemon | undefined;
  try {
    daemon = await startDaemon(settings, logger);
    await test({ daemon, settings, url: `http://127.0.0.1:${daemon.addresses[0]!.port}` });
  } finally {
    await daemon?.stop();
    await Deno.remove(dir, { recursive: true });
  }
}

async function request<T>(url: string, method = "GET", body?: unknown): Promise<T> {
  const answer = await fetch(url, {
    method,
    headers: { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const value = await answer.json();
  assert.ok(answer.ok, JSON.stringify(value));
  return value as T;
}

/** Yields the data of a stream's events until the reader stops. */
async function* events<T>(url: string): AsyncGenerator<T> {
  const answer = await fetch(url);
  assert.equal(answer.headers.get("content-type"), "text/event-stream");
  let text = "";
  for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop()!;
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice(6));
    }
  }
}

/** Runs a process service for the test, and removes it afterwards. */
async function withService(
  url: string,
  script: string,
  test: (service: string) => Promise<void>,
): Promise<void> {
  const service = `${url}/v1/namespaces/default/services/job`;
  await request(service, "PUT", { process: { command: "/bin/sh", args: ["-c", script] } });
  try {
    for await (const { resource } of events<{ resource?: Service }>(`${url}/v1/services?watch=true`)) {
      if (resource?.status.state === "Running") break;
    }
    await test(service);
  } finally {
    const gone = events<{ type: string }>(`${url}/v1/services?watch=true`);
    await gone.next();
    const answer = await fetch(service, { method: "DELETE" });
    await answer.body?.cancel();
    if (answer.status !== 404) { for await (const { type } of gone) if (type === "delete") break; }
    await gone.return(undefined);
  }
}

Deno.test("startDaemon() is healthy without Docker, says so in its status, and stops with streams open", () =>
  withDaemon(async ({ daemon, url }) => {
    assert.deepEqual(await request(`${url}/healthz`), { status: "ok" });
    const status = await request<Status>(`${url}/v1/status`);
    const docker = status.runners.find((r) => r.name === "docker")!;
    assert.equal(docker.ok, false);
    assert.ok(docker.message);
    assert.equal(status.runners.find((r) => r.name === "process")!.ok, true);
    const stream = events<{ type: string }>(`${url}/v1/services?watch=true`);
    assert.equal((await stream.next()).value.type, "sync");
    await daemon.stop();
    assert.equal((await stream.next()).done, true);
    await assert.rejects(fetch(`${url}/healthz`), TypeError);
  }));

Deno.test("startDaemon() refuses a port in use and a data directory of another daemon", () =>
  withDaemon(async ({ daemon, settings }) => {
    const assertRefused = (changed: Partial<Settings>, message: RegExp) =>
      assert.rejects(startDaemon({ ...settings, ...changed }, logger), (error: RuneError) => {
        assert.equal(error.code, "failed_precondition");
        assert.match(error.message, message);
        return error.hint !== undefined;
      });
    await assertRefused(
      { dataDir: `${settings.dataDir}-2`, addresses: daemon.addresses },
      /address is in use/,
    );
    await assertRefused({}, /./);
    const again = { ...settings, dataDir: `${settings.dataDir}-2` };
    await (await startDaemon(again, logger)).stop();
  }));

Deno.test("logs follow a service across a restart, and end when it is gone", () =>
  withDaemon(({ url }) =>
    withService(url, "echo one; echo two >&2; exec sleep 60", async (service) => {
      const lines = events<LogLine>(`${service}/logs?follow=true`);
      // Leave out messages of the shell, such as Terminated.
      const readWritten = async () => {
        for (;;) {
          const { done, value } = await lines.next();
          if (done || ["one", "two"].includes(value.text)) return done ? undefined : value;
        }
      };
      const takeTwo = async () => {
        const taken = [await readWritten(), await readWritten()];
        // A replacement has a provisional name.
        return taken.map((l) => `${l?.instance.replace(/-next$/, "")} ${l?.stream} ${l?.text}`).sort();
      };
      const both = ["job-0 stderr two", "job-0 stdout one"];
      assert.deepEqual(await takeTwo(), both);
      await request(`${service}/actions/restart`, "POST");
      assert.deepEqual(await takeTwo(), both);
      await request(service, "DELETE");
      assert.equal(await readWritten(), undefined);
    })
  ));

Deno.test("logs show stored output and end, and a first run has no previous one", () =>
  withDaemon(({ url }) =>
    withService(url, "echo one; echo two; exec sleep 60", async (service) => {
      const followed = events<Partial<LogLine>>(`${service}/logs?follow=true`);
      for await (const { text } of followed) if (text === "two") break;
      const stored = await Array.fromAsync(events<Partial<LogLine>>(`${service}/logs?tail=1`));
      // The first event names the sources.
      assert.deepEqual(stored.map(({ text }) => text), [undefined, "two"]);
      const none = await fetch(`${service}/logs?previous=true`);
      assert.equal((await none.json()).code, "not_found");
    })
  ));

/** Runs a command over a WebSocket. @returns its output by stream, and the last frame. */
async function exec(
  url: string,
  start: object,
  input: string,
): Promise<{ out: string; err: string; last: ExecControl }> {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/exec`);
  socket.binaryType = "arraybuffer";
  const output = ["", "", ""];
  const { promise, resolve } = Promise.withResolvers<ExecControl>();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  socket.onclose = () => close();
  socket.onopen = () => {
    socket.send(JSON.stringify({ type: "start", ...start }));
    if (input === "") return;
    socket.send(new Uint8Array([0, ...new TextEncoder().encode(input)]));
    socket.send('{"type":"eof"}');
  };
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") return resolve(JSON.parse(data));
    const frame = new Uint8Array(data);
    output[frame[0]!] += new TextDecoder().decode(frame.subarray(1));
  };
  const last = await promise;
  socket.close();
  await closed;
  return { out: output[1]!, err: output[2]!, last };
}

Deno.test("exec carries input, both outputs and the exit code, and errors as the last frame", () =>
  withDaemon(({ url }) =>
    withService(url, "exec sleep 60", async (service) => {
      const command = ["sh", "-c", "cat; echo oops >&2; exit 7"];
      const { out, err, last } = await exec(service, { command, stdin: true }, "hello\n");
      assert.deepEqual([out, err, last], ["hello\n", "oops\n", { type: "exit", code: 7 }]);
      const missing = await exec(service.replace("job", "none"), { command: ["true"] }, "");
      assert.equal(missing.last.type === "error" && missing.last.problem.code, "not_found");
      const wrong = await exec(service, { command: [] }, "");
      assert.equal(wrong.last.type === "error" && wrong.last.problem.code, "invalid_argument");
      const plain = await fetch(`${service}/exec`);
      assert.match((await plain.json()).detail, /needs a WebSocket/);
    })
  ));
