import assert from "node:assert/strict";
import { until } from "../tests/host.ts";
import { capture, show } from "./command.ts";

Deno.test("capture() interrupts a test run that does not end, and the run names the test", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const code = `Deno.test("spins", async () => {
      Deno.writeTextFileSync(${JSON.stringify(`${dir}/began`)}, "");
      for (;;) await Promise.resolve();
    });`;
    await Deno.writeTextFile(`${dir}/spin_test.ts`, code);
    const limit = new AbortController();
    const captured = capture([Deno.execPath(), "test", "-A", "--no-config", `${dir}/spin_test.ts`], {
      signal: limit.signal,
    });
    await until("the test spins", () => Deno.stat(`${dir}/began`));
    limit.abort();
    const { code: exitCode, stdout, stderr } = await captured;
    assert.notEqual(exitCode, 0);
    assert.match(stdout + stderr, /tests were pending:\s+spins/);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("capture() and show() return the exit code and the output", async () => {
  assert.deepEqual(await capture(["sh", "-c", "echo out; echo err >&2; exit 3"]), {
    code: 3,
    stdout: "out\n",
    stderr: "err\n",
  });
  assert.deepEqual(await capture(["/nowhere/program"]), {
    code: 127,
    stdout: "",
    stderr: "/nowhere/program: not found\n",
  });
  assert.equal(await show(["sh", "-c", "exit 4"]), 4);
});
