import assert from "node:assert/strict";
import plugin from "./lint_timers.ts";

const lint = (source: string, file = "server/some.ts") =>
  Deno.lint.runPlugin(plugin, file, source).map(({ id }) => id);

Deno.test("the timer rule accepts a span that the file shows to be short", () => {
  for (
    const source of [
      "setTimeout(f, 10_000);",
      "setTimeout(f);",
      "const WAIT_MS = 24 * 60 * 60_000; setInterval(f, WAIT_MS / 4);",
      "const WAIT = { everyMs: 5, times: 1_000 }; setTimeout(f, WAIT.everyMs);",
      "export const A = 5; const B = A * 2; AbortSignal.timeout(B);",
      "const MOST = 1_000; function g(ms: number) { setTimeout(f, Math.min(ms, MOST)); }",
      'import { setTimeout as wait } from "node:timers/promises"; await wait(20, undefined);',
      "setTimeout(f, fast ? 10 : 20);",
    ]
  ) {
    assert.deepEqual(lint(source), [], source);
  }
});

Deno.test("the timer rule refuses a span that comes from elsewhere or is too long", () => {
  for (
    const source of [
      "function g(ms: number) { setTimeout(f, ms); }",
      "setTimeout(() => {\n  f();\n}, options.timeoutMs);",
      "setInterval(f, parseDuration(text));",
      "AbortSignal.timeout(options.timeoutMs ?? 5_000);",
      "globalThis.setTimeout(f, ms);",
      'import { setTimeout } from "node:timers/promises"; await setTimeout(ms, undefined);',
      "const YEAR_MS = 366 * 86_400_000; setTimeout(f, YEAR_MS);",
      "const A = 2 ** 31; AbortSignal.timeout(A);",
      "setTimeout(f, Math.max(1_000, ms));",
      "setTimeout(f, Infinity);",
      "setTimeout(f, long ? ms : 20);",
      "setTimeout(f, 2_500_000_000);",
      "setTimeout(f, WAIT.everyMs);",
    ]
  ) {
    assert.deepEqual(lint(source), ["rune/bounded-timers"], source);
  }
});

Deno.test("only the file that splits long spans may start any timer", () => {
  assert.deepEqual(lint("setTimeout(f, ms);", "base/delay.ts"), []);
  assert.deepEqual(lint("setTimeout(f, ms);", "server/delay.ts"), ["rune/bounded-timers"]);
});
