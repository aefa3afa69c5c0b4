import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { manifestFile, packBackup, textFile } from "./format.ts";
import { writeBackup } from "./write.ts";

const NAME = "rune-1a2b3c4d-20260131T120000Z.tgz";

async function packFiles(): Promise<Uint8Array> {
  async function* files() {
    yield manifestFile({
      version: "1.2.3",
      createdAt: "2026-01-31T12:00:00.000Z",
      node: "n1",
      daemonId: "d1",
      revision: 7,
      kek: false,
      volumes: [],
    });
    yield textFile("state.db", "the state");
  }
  return await new Response(packBackup(files()) as ReadableStream<Uint8Array<ArrayBuffer>>).bytes();
}

async function withDir(test: (dir: string, names: () => Promise<string[]>) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "rune-write-" });
  try {
    await test(dir, async () => (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const { signal } = new AbortController();

Deno.test("writeBackup() writes a file that only its owner can read, and returns its size", () =>
  withDir(async (dir, names) => {
    const bytes = await packFiles();
    assert.equal(await writeBackup(ReadableStream.from([bytes]), { dir, name: NAME, signal }), bytes.length);
    assert.deepEqual(await names(), [NAME]);
    assert.deepEqual(await Deno.readFile(`${dir}/${NAME}`), bytes);
    assert.equal((await Deno.stat(`${dir}/${NAME}`)).mode! & 0o777, 0o600);
  }));

Deno.test("writeBackup() leaves nothing if the stream is truncated, damaged, failing or aborted", () =>
  withDir(async (dir, names) => {
    const bytes = await packFiles();
    const damaged = bytes.with(bytes.length - 60, bytes[bytes.length - 60]! ^ 1);
    async function* failAtOnce() {
      yield bytes.slice(0, 100);
      throw new RuneError("unavailable", "the disk went away");
    }
    const streams: [stream: ReadableStream<Uint8Array>, message: RegExp, signal?: AbortSignal][] = [
      [ReadableStream.from([bytes.slice(0, -100)]), /./],
      [ReadableStream.from([damaged]), /./],
      [ReadableStream.from(failAtOnce()), /the disk went away/],
      [ReadableStream.from([bytes]), /aborted/, AbortSignal.abort()],
    ];
    for (const [stream, message, by = signal] of streams) {
      await assert.rejects(writeBackup(stream, { dir, name: NAME, signal: by }), message);
      assert.deepEqual(await names(), []);
    }
  }));

Deno.test("writeBackup() says which directory cannot be written, and releases the stream", () =>
  withDir(async (dir) => {
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      cancel() {
        cancelled = true;
      },
    });
    await assert.rejects(
      writeBackup(stream, { dir: `${dir}/missing`, name: NAME, signal }),
      (error: RuneError) =>
        error.code === "unavailable" && error.message.includes(`${dir}/missing`) && error.hint !== undefined,
    );
    assert.ok(cancelled);
  }));
