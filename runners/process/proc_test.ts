import assert from "node:assert/strict";
import { hasEnded, parseStat, readProcess } from "./proc.ts";
import { quoteWord } from "./environment.ts";
import { parseRunName, runFiles } from "./records.ts";

Deno.test("parseStat() counts fields after the last parenthesis of the name", () => {
  const text = "42 (a ) S 1 (b) R 1 40 39 0 -1 4194304 5 0 0 0 7 3 0 0 20 0 1 0 987654 100 1";
  assert.deepEqual(parseStat(text), {
    pid: 42,
    state: "R",
    parent: 1,
    group: 40,
    session: 39,
    cpuTicks: 10,
    threads: 1,
    startTime: 987654,
  });
});

Deno.test("hasEnded() does not count a process as ended while threads outlive the main one", () => {
  const stat = (state: string, threads: number) =>
    parseStat(`42 (a) ${state} 1 40 39 0 -1 4194304 5 0 0 0 7 3 0 0 20 0 ${threads} 0 987654 100 1`);
  assert.deepEqual(
    [["Z", 1], ["Z", 2], ["X", 1], ["S", 1]].map(([state, threads]) =>
      hasEnded(stat(state as string, threads as number))
    ),
    [true, false, true, false],
  );
});

Deno.test({
  name: "readProcess() finds this process and none with an impossible pid",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    assert.equal(readProcess(Deno.pid)?.pid, Deno.pid);
    assert.equal(readProcess(2 ** 30), undefined);
  },
});

Deno.test({
  name: "quoteWord() gives the shell back every word as it was",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const words = [
      "",
      " ",
      "it's",
      "'",
      "''",
      '"$HOME"',
      "$(exit 3)",
      "`id`",
      "a\nb\\",
      "*",
      "-n",
      "~",
      "!x",
      "ä€",
    ];
    const args = ["-c", `printf '%s\\0' ${words.map(quoteWord).join(" ")}`];
    const { stdout } = await new Deno.Command("sh", { args }).output();
    assert.deepEqual(new TextDecoder().decode(stdout).split("\0").slice(0, -1), words);
  },
});

Deno.test("runFiles() refuses a uid that would leave the directory, parseRunName() reads its names back", () => {
  for (const instanceUid of ["", "..", "../x", "a/b", "-x", ".hidden"]) {
    assert.throws(() => runFiles("/runs", { instanceUid, run: 1 }), { code: "invalid_argument" });
  }
  assert.throws(() => runFiles("/runs", { instanceUid: "uid", run: 1.5 }), { code: "invalid_argument" });
  const ref = { instanceUid: "0b5c6a7e-0000-4000-8000-000000000000", run: 12 };
  assert.deepEqual(parseRunName(runFiles("/runs", ref).name), ref);
  assert.equal(parseRunName("signals"), undefined);
});
