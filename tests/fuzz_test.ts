/** What nobody should send, sent to the real daemon: it refuses, stays alive, and does not grow. @module */
import assert from "node:assert/strict";
import { BODIES } from "../server/fuzz_fixture.ts";
import { startHost } from "./host.ts";

const ROUTES = [
  ["POST", "/v1/cast"],
  ["PUT", "/v1/namespaces/default/services/a"],
  ["POST", "/v1/namespaces/default/secrets"],
] as const;
/** Just below and well above what a body may have, and many small parts. */
const LARGE = [
  `{"resources": "${"x".repeat(8_000_000)}"}`,
  `{"resources": "${"x".repeat(30_000_000)}"}`,
  `{"resources": [${"{},".repeat(1_000_000)}{}]}`,
];
const ROUNDS = 4;
/** At most so much more than before the first body; and so much at any moment, in all. */
const GROWTH = 100 << 20;
const PEAK = 600 << 20;

/** Memory of a process in bytes: now, and the most that it ever had. */
async function memoryOf(pid: number): Promise<{ rss: number; peak: number }> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)![1]) * 1024;
  return { rss: field("VmRSS"), peak: field("VmHWM") };
}

Deno.test("a daemon that is sent malformed, deep and huge bodies refuses each, stays alive and keeps its memory bounded", async () => {
  await using host = await startHost();
  const { url, pid } = host.daemon;
  const send = async (bodies: string[]) => {
    for (const [method, path] of ROUTES) {
      await Promise.all(bodies.map(async (body) => {
        const answer = await fetch(`${url}${path}`, {
          method,
          body,
          headers: { "content-type": "application/json" },
        });
        await answer.body?.cancel();
        assert.ok(
          answer.status >= 400 && answer.status < 500,
          `${path} ${body.slice(0, 60)}: ${answer.status}`,
        );
      }));
    }
  };
  // What is loaded with the first use is no growth.
  await send(BODIES);
  const before = await memoryOf(pid);
  for (let round = 0; round < ROUNDS; round++) await send([...BODIES, ...LARGE]);
  assert.deepEqual((await host.get("services", "-A")).items, []);
  const deadline = Date.now() + 30_000;
  let after = await memoryOf(pid);
  while (after.rss - before.rss > GROWTH && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    after = await memoryOf(pid);
  }
  const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  assert.ok(after.rss - before.rss <= GROWTH, `from ${mib(before.rss)} to ${mib(after.rss)}`);
  assert.ok(after.peak <= PEAK, `a peak of ${mib(after.peak)}`);
});
