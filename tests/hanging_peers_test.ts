/** Tests with the real program that hanging peers block neither the daemon nor its services. @module */
import assert from "node:assert/strict";
import { processService } from "./castfiles.ts";
import { startHost, until } from "./host.ts";

/** How long the daemon may take to end; with a hanging peer it would take 25 s. */
const PROMPT_MS = 15_000;

/** A loopback server that sends `text` on each connection, then nothing, and closes none. */
function listenAndSay(text: string): { port: number; countAsks(): number } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open: Deno.Conn[] = [];
  (async () => {
    for await (const conn of listener) {
      open.push(conn);
      await conn.write(new TextEncoder().encode(text)).catch(() => {});
    }
  })().catch(() => {});
  return {
    port: listener.addr.port,
    countAsks: () => open.length,
    [Symbol.dispose]() {
      listener.close();
      for (const conn of open) conn.close();
    },
  };
}

Deno.test("a probe that gets a 101 or half a header fails in time, and nothing waits for it", async () => {
  await using host = await startHost();
  const answers = {
    upgraded: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    cut: "HTTP/1.1 200 O",
  };
  for (const [name, text] of Object.entries(answers)) {
    using server = listenAndSay(text);
    const health =
      `  health: { liveness: { type: http, port: ${server.port}, path: /, intervalSeconds: 1, timeoutSeconds: 1, failureThreshold: 2 } }\n`;
    await host.run(["cast", await host.file(`${name}.yaml`, processService(name, health)), "--no-wait"]);
    const { lastFailure } = await until(`${name} was replaced`, async () => {
      const { status } = (await host.get("instances")).items
        .find((i: { spec: { service: string } }) => i.spec.service === name);
      return status.restarts > 0 && status;
    });
    assert.equal(lastFailure.reason, "Unhealthy");
    assert.ok(server.countAsks() > 1, "it was asked again after the first answer hung");
    const began = Date.now();
    await host.rune("delete", "service", name, "--yes");
    assert.ok(Date.now() - began < PROMPT_MS, "the service stopped while a probe hung");
  }
  using server = listenAndSay(answers.upgraded);
  const slow = `  health: { liveness: { type: http, port: ${server.port}, path: /, timeoutSeconds: 600 } }\n`;
  await host.run(["cast", await host.file("slow.yaml", processService("slow", slow)), "--no-wait"]);
  await until("a probe hangs", () => Promise.resolve(server.countAsks() > 0));
  const began = Date.now();
  await host.daemon.stop();
  assert.ok(Date.now() - began < PROMPT_MS, "the daemon ended while a probe hung");
  await host.restart();
  await host.rune("delete", "service", "slow", "--yes");
});

Deno.test("connections with half a request keep nobody from the API", async () => {
  await using host = await startHost();
  const { hostname, port } = new URL(host.daemon.url);
  const open: Deno.Conn[] = [];
  try {
    // More than one address may have. The kernel refuses none of them, so the daemon must close some.
    for (let i = 0; i < 700; i++) {
      const conn = await Deno.connect({ hostname, port: Number(port) });
      open.push(conn);
      await conn.write(new TextEncoder().encode("GET /v1/services HTTP/1.1\r\nhost:")).catch(() => {});
    }
    assert.equal((await host.run(["get", "services"])).code, 0);
    assert.equal((await fetch(`${host.daemon.url}/healthz`).then((r) => r.json())).status, "ok");
  } finally {
    for (const conn of open) conn.close();
  }
});
