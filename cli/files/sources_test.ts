import assert from "node:assert/strict";
import { join } from "node:path";
import { RuneError } from "../../model/error.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { readSources } from "./sources.ts";

async function withTree(work: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(root, "apps/inner"), { recursive: true });
    await Deno.mkdir(join(root, "apps/.git"));
    await Deno.mkdir(join(root, "empty"));
    for (
      const file of ["apps/b.yaml", "apps/a.yml", "apps/inner/c.json", "apps/notes.txt", "apps/.git/x.yaml"]
    ) {
      await Deno.writeTextFile(join(root, file), file);
    }
    await work(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const stdin = (text = "") => ReadableStream.from([new TextEncoder().encode(text)]);
const read = async (args: string[], recursive = false) =>
  (await readSources(args, { recursive, stdin: stdin("from stdin") })).map((s) => s.text);

Deno.test("readSources() reads files, directories and patterns, each file once", async () => {
  await withTree(async (root) => {
    const apps = join(root, "apps");
    assert.deepEqual(await read([join(apps, "b.yaml")]), ["apps/b.yaml"]);
    assert.deepEqual(await read([apps]), ["apps/a.yml", "apps/b.yaml"]);
    assert.deepEqual(await read([apps], true), ["apps/a.yml", "apps/b.yaml", "apps/inner/c.json"]);
    assert.deepEqual(await read([join(root, "apps/**/*.json")]), ["apps/inner/c.json"]);
    assert.deepEqual(await read([join(apps, "b.yaml"), apps]), ["apps/b.yaml", "apps/a.yml"]);
  });
});

Deno.test("readSources() reads standard input for -", async () => {
  assert.deepEqual(await readSources(["-", "-"], { recursive: false, stdin: stdin("x") }), [
    { file: "stdin", text: "x" },
  ]);
});

Deno.test("readSources() refuses arguments that match nothing, and names them", async () => {
  await withTree(async (root) => {
    for (const argument of ["missing.yaml", "*.toml", "empty"]) {
      await assert.rejects(
        read([join(root, argument)]),
        (error) => error instanceof UsageError && error.message.includes(argument),
        argument,
      );
    }
  });
});

Deno.test("readSources() reads addresses only over https", async () => {
  await assert.rejects(read(["http://example.com/x.yaml"]), UsageError);
  await assert.rejects(read(["ftp://example.com/x.yaml"]), UsageError);
});

Deno.test("readSources() refuses a source over 8 MiB", async () => {
  const chunk = new Uint8Array(1024 * 1024).fill(32);
  const endless = ReadableStream.from(Array.from({ length: 9 }, () => chunk));
  await assert.rejects(
    readSources(["-"], { recursive: false, stdin: endless }),
    (error) => error instanceof RuneError && error.code === "payload_too_large",
  );
});

Deno.test("readSources() refuses invalid UTF-8 instead of replacing characters, even at the end of the file", async () => {
  const bytes = (...chunks: number[][]) =>
    readSources(["-"], {
      recursive: false,
      stdin: ReadableStream.from(chunks.map((chunk) => new Uint8Array(chunk))),
    });
  await assert.rejects(bytes([0x61, 0xe4, 0x62]), {
    code: "invalid_argument",
    message: /stdin|standard input/,
  });
  await assert.rejects(bytes([0x61, 0xc3]), { code: "invalid_argument" });
  assert.equal((await bytes([0x61, 0xc3], [0xa4]))[0]!.text, "aä");
});
