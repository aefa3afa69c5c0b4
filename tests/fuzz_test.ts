/** Sends malformed requests to the real daemon: it refuses them, stays alive, and does not grow. @module */
import assert from "node:assert/strict";
import { BODIES } from "../server/api/fuzz_fixture.ts";
import { startHost } from "./host.ts";

const ROUTES = [
  ["POST", "/v1/cast"],
  ["PUT", "/v1/namespaces/default/services/a"],
  ["POST", "/v1/namespaces/default/secrets"],
] as const;
/** Bodies just below and well above the limit, and with many small parts. */
const LARGE = [
  `{"resources": "${"x".repeat(8_000_000)}"}`,
  `{"resources": "${"x".repeat(30_000_000)}"}`,
  `{"resources": [${"{},".repeat(1_000_000)}{}]}`,
];
const ROUNDS = 5;
/** Less than all that is sent: a daemon that kept it would exceed this. */
const PEAK = 500 << 20;

/** The peak memory of a process, in bytes. */
async function peakOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

Deno.test("a daemon refuses malformed, deep and huge bodies, stays alive and keeps its memory bounded", async () => {
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
  for (let round = 0; round < ROUNDS; round++) await send([...BODIES, ...LARGE]);
  const sent = ROUNDS * ROUTES.length * [...BODIES, ...LARGE].reduce((sum, body) => sum + body.length, 0);
  const peak = await peakOf(pid);
  assert.ok(sent > PEAK && peak <= PEAK, `a peak of ${peak >> 20} MiB, after ${sent >> 20} MiB were sent`);
  assert.deepEqual((await host.get("services", "-A")).items, []);
});
