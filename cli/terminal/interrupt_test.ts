import assert from "node:assert/strict";
import { withInterrupt } from "./interrupt.ts";

/**
 * Waits for a signal, reports it, and exits accordingly. The test runner handles signals itself, so this is
 * another process.
 */
const PROGRAM = `
  import { withInterrupt } from ${JSON.stringify(import.meta.resolve("./interrupt.ts"))};
  const keepAlive = setInterval(() => {}, 1000);
  try {
    await withInterrupt((signal) => {
      console.log("ready");
      return new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
  } catch (error) {
    clearInterval(keepAlive);
    console.log(error.exitCode);
  }
`;

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  Deno.test(`withInterrupt() ends its work on ${signal} with exit code ${code}`, async () => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "-"],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const input = child.stdin.getWriter();
    await input.write(new TextEncoder().encode(PROGRAM));
    await input.close();
    let output = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      output += text;
      if (output === "ready\n") child.kill(signal);
    }
    assert.equal((await child.status).code, 0);
    assert.equal(output, `ready\n${code}\n`);
  });
}

Deno.test("withInterrupt() returns the result of uninterrupted work", async () => {
  assert.equal(await withInterrupt(() => Promise.resolve(7)), 7);
});
