import assert from "node:assert/strict";
import { capture } from "./command.ts";
import { historyOf } from "./simulation/events.ts";
import { ROOT } from "./tree.ts";

Deno.test("deno task simulate plays the same histories for the same seed", async () => {
  const args = [Deno.execPath(), "run", "-A", "scripts/simulate.ts", "--seed", "77", "--histories", "12"];
  const outputs = [];
  for (let i = 0; i < 2; i++) {
    const { code, stdout } = await capture(args, { cwd: ROOT, signal: AbortSignal.timeout(60_000) });
    assert.equal(code, 0, stdout);
    outputs.push(stdout.replace(/\d+ a second/, ""));
  }
  assert.match(outputs[0]!, /^12 histories from seed 77, \d{4} steps/);
  assert.equal(outputs[0], outputs[1]);
});

Deno.test("historyOf() mixes every kind of event", () => {
  const kinds = new Set(
    Array.from({ length: 40 }, (_, seed) => historyOf(seed).events).flat().map((e) => e.what),
  );
  assert.deepEqual([...kinds].sort(), ["away", "crash", "deaf", "exit", "fault", "reboot", "wish"]);
});
