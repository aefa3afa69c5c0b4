/**
 * The log driver that Rune chooses returns a container's output byte for byte. The one of earlier versions
 * returns text.
 */
import assert from "node:assert/strict";
import { lineStarts } from "../../model/log_line.ts";
import type { LogEntry, LogOptions, RunSpec } from "../runner.ts";
import { containerConfig } from "./container_config.ts";
import { containerName } from "./labels.ts";
import { dockerHere } from "./test_image.ts";
import { type DockerRoom, makeDockerRoom } from "./test_room.ts";

const LETTERS = `x${"é".repeat(60_000)}`;
const LONG = "y".repeat(1024 * 1024);
/** Exactly one full record of the Engine. */
const FULL = "z".repeat(16 * 1024);

const repeat = (letter: string, count: number) => `head -c ${count} /dev/zero | tr '\\0' ${letter}`;
const SCRIPT = [
  'awk \'BEGIN { printf "x"; for (i = 0; i < 60000; i++) printf "\\303\\251"; print "" }\'',
  "echo after",
  "printf 'a\\377b\\r\\000\\n'",
  `${repeat("y", 1024 * 1024)}; echo`,
  `${repeat("z", 16 * 1024)}; echo`,
  `(${repeat("e", 40_000)}; echo) >&2`,
  "echo",
  "printf last",
].join("; ");

const decode = (bytes: Uint8Array) => [...bytes].map((b) => String.fromCharCode(b)).join("");
const latin = (text: string) => decode(new TextEncoder().encode(text));

/** The whole lines of a stream, with one character per byte. */
function linesOf(entries: LogEntry[], stream: LogEntry["stream"] = "stdout"): string[] {
  const lines: string[] = [];
  const starts = lineStarts();
  for (const entry of entries) {
    const begins = starts(entry);
    if (entry.stream !== stream) continue;
    const { text, base64 } = entry;
    const bytes = base64 === undefined ? latin(text) : decode(Uint8Array.fromBase64(base64));
    if (begins) lines.push(bytes);
    else lines[lines.length - 1] += bytes;
  }
  return lines;
}

const EXPECTED = [latin(LETTERS), "after", "a\xffb\r\0", LONG, FULL, "", "last"];

async function withRun(
  start: (room: DockerRoom, spec: RunSpec, signal: AbortSignal) => Promise<unknown>,
  test: (read: (options?: Partial<LogOptions>) => Promise<LogEntry[]>) => Promise<void>,
): Promise<void> {
  const room = await makeDockerRoom();
  const signal = AbortSignal.timeout(60_000);
  try {
    const spec = room.shell(SCRIPT);
    await start(room, spec, signal);
    const read = async (options: Partial<LogOptions> = {}) =>
      await Array.fromAsync(await room.runner.logs(spec, { follow: false, signal, ...options }));
    await read({ follow: true });
    await test(read);
  } finally {
    await room.cleanup();
  }
}

const differs = (found: string[], expected: string[]) =>
  found.map((line, i) =>
    line === expected[i] ? undefined : `${i}: ${line.length} letters, ${line.slice(0, 40)}`
  )
    .filter((line) => line !== undefined);

Deno.test({
  name: "logs() of a container keeps every byte and every line, even for a tail and when it follows",
  ignore: !dockerHere,
  fn: () =>
    withRun(async ({ runner }, spec, signal) => {
      await runner.create(spec, signal);
      await runner.start(spec, signal);
    }, async (read) => {
      for (const options of [{}, { follow: true }]) {
        const entries = await read(options);
        assert.deepEqual(differs(linesOf(entries), EXPECTED), []);
        assert.equal(linesOf(entries).length, EXPECTED.length);
        assert.deepEqual(linesOf(entries, "stderr"), ["e".repeat(40_000)]);
      }
      for (const tail of [1, 2, 5, 7, 50]) {
        for (const follow of [false, true]) {
          const entries = await read({ tail, follow });
          const lines = [...linesOf(entries), ...linesOf(entries, "stderr")];
          assert.equal(lines.length, Math.min(tail, EXPECTED.length + 1), `tail ${tail}`);
          assert.deepEqual(lines.filter((line) => !EXPECTED.includes(line) && !/^e{40000}$/.test(line)), []);
        }
      }
    }),
});

Deno.test({
  name: "logs() reads a container of an earlier version, which uses json-file",
  ignore: !dockerHere,
  fn: () =>
    withRun(async ({ daemonId, send }, spec) => {
      const config = containerConfig(spec, { daemonId });
      const HostConfig = {
        ...config.HostConfig,
        NetworkMode: "none",
        LogConfig: { Type: "json-file", Config: {} },
      };
      const name = containerName(spec, daemonId);
      await send(`/containers/create?name=${name}`, "POST", { ...config, HostConfig, NetworkingConfig: {} });
      await send(`/containers/${name}/start`, "POST");
    }, async (read) => {
      const lines = linesOf(await read());
      assert.deepEqual([lines.length, lines[1], lines[3], lines[4], lines.at(-1)], [
        7,
        "after",
        LONG,
        FULL,
        "last",
      ]);
      assert.deepEqual(linesOf(await read({ tail: 2 })).at(-1), "last");
    }),
});
