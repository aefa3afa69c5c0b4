/**
 * A command that cannot be executed gets a clear error before it starts, so that users need not guess from a
 * code or an empty log.
 * @module
 */
import assert from "node:assert/strict";
import { isNotRoot, type ProcessRoom, roomTest } from "./test_room.ts";
import type { RunSpec } from "../runner.ts";

const { signal } = new AbortController();

async function startOf(room: ProcessRoom, command: string, more: Partial<RunSpec> = {}) {
  const spec = { ...room.shell("", more), process: { command, args: [] } };
  await room.runner.create(spec, signal);
  return await room.runner.start(spec, signal);
}

/** The machine's own `true`, with a header for a processor that no test host has. */
async function foreignProgram(): Promise<Uint8Array> {
  const bytes = await Deno.readFile("/bin/true");
  bytes.set([0xf3, 0x00], 18);
  return bytes;
}

const encode = (text: string) => new TextEncoder().encode(text);

roomTest(
  "a main process and a step say what is wrong with their program, for root and for others",
  async (room) => {
    await Deno.chmod(room.data, 0o755);
    await Deno.chmod(room.data.slice(0, room.data.lastIndexOf("/")), 0o755);
    const programs: [name: string, content: Uint8Array, says: RegExp][] = [
      [
        "no-interpreter",
        encode("#!/no/such/interpreter -x\necho\n"),
        /is a script for \/no\/such\/interpreter, which is not there/,
      ],
      ["windows", encode("#!/bin/sh\r\necho\r\n"), /ends in a carriage return/],
      ["plain", encode("echo no first line\n"), /is no program, and no script that says in its first line/],
      ["empty", encode(""), /is empty, and no program/],
      ["foreign", await foreignProgram(), /is a program for another kind of processor/],
    ];
    for (const [name, content, says] of programs) {
      const path = `${room.data}/${name}`;
      await Deno.writeFile(path, content, { mode: 0o755 });
      await Deno.chmod(path, 0o755);
      for (const more of [{}, { step: "prepare.1" }, { securityContext: { user: "nobody" } }]) {
        const state = await startOf(room, path, more);
        assert.deepEqual([state.state, state.exitCode], ["exited", 127], name);
        assert.match(state.error ?? "", says);
        assert.ok(state.error!.includes(path));
      }
    }
  },
  { ignore: isNotRoot },
);

roomTest("a script that is well, and a program, are executed", async (room) => {
  const path = `${room.data}/script`;
  await Deno.writeTextFile(path, "#! /bin/sh -e\nexit 7\n", { mode: 0o755 });
  for (const [command, code] of [[path, 7], ["true", 0], ["/bin/false", 1]] as const) {
    let state = await startOf(room, command);
    while (state.state !== "exited") state = await room.runner.inspect(state, signal);
    assert.deepEqual([state.exitCode, state.error], [code, undefined], command);
  }
});

roomTest("what the kernel refuses only in the end says so too", async (room) => {
  // Its loader is missing, which the first bytes do not show.
  const bytes = await Deno.readFile("/bin/true");
  const at = new TextDecoder("latin1").decode(bytes).indexOf("/lib64/ld-linux");
  assert.ok(at > 0);
  bytes.set(encode("/gone!"), at);
  const path = `${room.data}/gone`;
  await Deno.writeFile(path, bytes, { mode: 0o755 });
  let state = await startOf(room, path);
  while (state.state !== "exited") state = await room.runner.inspect(state, signal);
  assert.equal(state.exitCode, 127);
  assert.match(
    state.error ?? "",
    /gone cannot be executed: it is not there, or the loader that it names is not/,
  );
}, { ignore: isNotRoot || Deno.build.arch !== "x86_64" });

roomTest(
  "an environment or an argument that Linux would not pass on is refused with its size",
  async (room) => {
    const long = "x".repeat(131_072);
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`V${i}`, "ä".repeat(32_000)]));
    const refused: [Partial<RunSpec>, RegExp][] = [
      [{ env: { BIG: long } }, /the variable BIG takes 131077 bytes, and Linux passes on at most 131072/],
      [{ secretEnv: { TOKEN: long } }, /the variable TOKEN takes/],
      [{ env: many }, /the command with all of its variables takes \d+ bytes/],
      [{ process: { command: "true", args: [long] } }, /an argument of the command takes/],
    ];
    for (const [more, says] of refused) {
      const spec = { ...room.shell("exit 0"), ...more };
      await assert.rejects(room.runner.create(spec, signal), (error: Error) => {
        assert.match(error.message, says);
        return true;
      });
    }
    // Only the beginning of a long message is kept.
    const most = { ...room.shell("test ${#BIG} = 131067"), env: { BIG: "x".repeat(131_067) } };
    await room.runner.create(most, signal);
    let state = await room.runner.start(most, signal);
    while (state.state !== "exited") state = await room.runner.inspect(most, signal);
    assert.deepEqual([state.exitCode, state.error], [0, undefined]);
  },
);
