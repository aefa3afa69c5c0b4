/**
 * Clients that never read: whoever opens a stream of the daemon and reads nothing slows the writer down or is
 * disconnected, and the daemon buffers little for each. One step per kind of stream.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const MIB = 1024 * 1024;
/** Clients of one kind at a time. Before streams were bounded, those of a log held 400 MiB together. */
const READERS = 24;
/** What they may cost together: the kernel takes some MiB per client, which pass through V8's heap. */
const GROWTH_MAX = 250 * MIB;
/** The same for records of the audit log, which all clients share: before, 115 MiB. */
const AUDIT_GROWTH_MAX = 80 * MIB;

async function memoryOf({ daemon }: Host): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${daemon.pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

/** Opens a stream and reads only the status line of the answer. */
async function openUnread({ daemon }: Host, path: string): Promise<Deno.TcpConn> {
  const { port } = new URL(daemon.url);
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  await conn.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`));
  const head = new Uint8Array(12);
  await conn.read(head);
  assert.equal(new TextDecoder().decode(head), "HTTP/1.1 200");
  return conn;
}

/** The most that the daemon grew during `work` while nobody read. */
async function growth(host: Host, path: string, work: () => Promise<void>): Promise<number> {
  const before = await memoryOf(host);
  const readers: Deno.TcpConn[] = [];
  let most = before;
  const look = setInterval(async () => most = Math.max(most, await memoryOf(host)), 50);
  try {
    for (let n = 0; n < READERS; n++) readers.push(await openUnread(host, path));
    await work();
    most = Math.max(most, await memoryOf(host));
  } finally {
    clearInterval(look);
    readers.forEach((reader) => reader.close());
  }
  return most - before;
}

/** Prints 40 MiB in lines of 1 MiB, and then a marker. */
const PRINT =
  "i=0; while [ $i -lt 40 ]; do head -c 1048575 /dev/zero | tr '\\0' x; echo; i=$((i+1)); done; " +
  "echo printed; exec sleep 1000000";

async function waitForOutput(host: Host, name: string): Promise<void> {
  await until(
    "all is printed",
    async () => (await host.rune("logs", name, "--tail", "1")).includes("printed"),
  );
}

async function put(host: Host, path: string, body: unknown): Promise<void> {
  const response = await fetch(`${host.daemon.url}${path}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await response.body?.cancel();
}

const settings = { sanitizeOps: false };

Deno.test({
  name: "a reader that never reads costs the daemon little: logs of a process, watch, audit",
  ignore: noRoot,
  ...settings,
  async fn(t) {
    await using host = await startHost();
    const check = (kind: string, path: string, work: () => Promise<void>, max = GROWTH_MAX) =>
      t.step(kind, async () => {
        const grown = await growth(host, path, work);
        console.log(`${kind}: ${Math.round(grown / MIB)} MiB for ${READERS} readers`);
        assert.ok(grown < max, `${kind}: the daemon grew by ${Math.round(grown / MIB)} MiB`);
      });
    const file = await host.file(
      "p.yaml",
      JSON.stringify({ service: { name: "p", process: { command: "/bin/sh", args: ["-c", PRINT] } } }),
    );
    await host.rune("cast", file);
    await waitForOutput(host, "p");
    const logs = "/v1/namespaces/default/services/p/logs";
    await check("logs -f", `${logs}?follow=true`, async () => {
      await host.rune("restart", "p");
      await waitForOutput(host, "p");
    });
    await check("logs", logs, () => host.rune("get", "services").then(() => {}));

    const configmap = "/v1/namespaces/default/configmaps/big";
    const change = async (n: number) => {
      for (let i = 0; i < n; i++) {
        await put(host, configmap, { name: "big", data: { a: `${i}`.padEnd(250_000, "x"), i: `${i}` } });
      }
    };
    // The store's own journal exists before anyone watches.
    await change(300);
    await check("watch", "/v1/namespaces/default/configmaps?watch=true", () => change(300));

    const long = "x".repeat(15_000);
    await check("audit -f", "/v1/admin/audit?follow=true&limit=1", async () => {
      for (let i = 0; i < 200; i++) {
        await Promise.all(
          Array.from({ length: 40 }, () => put(host, `/v1/namespaces/default/configmaps/${long}`, {})),
        );
      }
    }, AUDIT_GROWTH_MAX);
  },
});

Deno.test({
  name: "a reader that never reads costs the daemon little: logs of a container",
  ignore: noDocker || noRoot,
  ...settings,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const file = await host.file(
      "c.yaml",
      JSON.stringify({
        service: { name: "c", stopTimeout: "1s", image: TEST_IMAGE, command: ["/bin/sh", "-c", PRINT] },
      }),
    );
    await host.rune("cast", file);
    await waitForOutput(host, "c");
    const grown = await growth(
      host,
      "/v1/namespaces/default/services/c/logs?follow=true",
      () => host.rune("get", "services").then(() => {}),
    );
    console.log(`${Math.round(grown / MIB)} MiB for ${READERS} readers`);
    assert.ok(grown < GROWTH_MAX, `the daemon grew by ${Math.round(grown / MIB)} MiB`);
  },
});
