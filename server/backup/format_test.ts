import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { type Manifest, manifestFile, packBackup, partFiles, readBackup, textFile } from "./format.ts";
import { readTar, type TarFile, writeTar } from "./tar.ts";

const MANIFEST: Omit<Manifest, "format"> = {
  version: "1.2.3",
  createdAt: "2026-01-01T00:00:00.000Z",
  node: "n1",
  daemonId: "d1",
  revision: 7,
  kek: false,
  volumes: [],
};

async function* files(...more: TarFile[]): AsyncGenerator<TarFile> {
  yield manifestFile(MANIFEST);
  yield* more;
}

const bytesOf = (stream: ReadableStream<Uint8Array>) =>
  new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).bytes();
const streamOf = (bytes: Uint8Array) => ReadableStream.from([bytes]);
const transform = (bytes: Uint8Array, by: CompressionStream | DecompressionStream) =>
  bytesOf(streamOf(bytes).pipeThrough(by as ReadableWritablePair<Uint8Array, Uint8Array>));

async function read(bytes: Uint8Array): Promise<{ manifest: Manifest; files: Record<string, string> }> {
  const found: Record<string, string> = {};
  const manifest = await readBackup(streamOf(bytes), {
    async onFile(name, data) {
      found[name] = await new Blob(await Array.fromAsync(data as AsyncIterable<Uint8Array<ArrayBuffer>>))
        .text();
    },
  });
  return { manifest, files: found };
}

Deno.test("packBackup() and readBackup() agree, and the host's tar and sha256sum agree with them", async () => {
  const large = "x".repeat(100_000);
  const packed = await bytesOf(packBackup(files(textFile("state.db", large), textFile("kek", ""))));
  const { manifest, files: found } = await read(packed);
  assert.deepEqual(manifest, { format: 1, ...MANIFEST });
  assert.deepEqual(found, { "state.db": large, kek: "" });
  const dir = await Deno.makeTempDir({ prefix: "rune-format-" });
  try {
    await Deno.writeFile(`${dir}/b.tgz`, packed);
    const { success, stderr } = await new Deno.Command("sh", {
      args: ["-c", "tar xzf b.tgz && sha256sum --strict -c SHA256SUMS && test $(wc -c <state.db) = 100000"],
      cwd: dir,
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("readBackup() refuses every cut, every flipped byte, and files that are no backup", async () => {
  const tar = await transform(
    await bytesOf(packBackup(files(textFile("state.db", "the state"), textFile("kek", "key")))),
    new DecompressionStream("gzip"),
  );
  const assertRefused = async (bytes: Uint8Array, what: string) => {
    const packed = await transform(bytes, new CompressionStream("gzip"));
    await assert.rejects(read(packed), (e) => e instanceof RuneError && e.code === "invalid_argument", what);
  };
  for (let end = 0; end < tar.length - 1024; end += 256) {
    await assertRefused(tar.slice(0, end), `cut at ${end}`);
  }
  const text = new TextDecoder("latin1").decode(tar);
  for (const word of ["the state", "1.2.3", "key", "SHA256SUMS"]) {
    const flipped = tar.slice();
    flipped[text.indexOf(word)]! ^= 1;
    await assertRefused(flipped, `flipped in ${word}`);
  }
  await assertRefused(
    await bytesOf(ReadableStream.from(writeTar(yieldOnly(textFile("a", "b")), { mtime: 0 }))),
    "other tar",
  );
  await assert.rejects(read(new TextEncoder().encode("not gzip")), { code: "invalid_argument" });
  const packed = await transform(tar, new CompressionStream("gzip"));
  await assert.rejects(read(packed.slice(0, packed.length - 5)), { code: "invalid_argument" });
});

async function* yieldOnly(file: TarFile) {
  yield file;
}

Deno.test("readBackup() refuses a newer format and says so", async () => {
  const newer = textFile("manifest.json", JSON.stringify({ format: 2 }));
  const packed = await bytesOf(packBackup(yieldOnly(newer)));
  await assert.rejects(read(packed), { code: "failed_precondition", message: /format 2/ });
});

Deno.test("partFiles() cuts a stream of any length into files that add up to it", async () => {
  const chunks = Array.from({ length: 100 }, (_, i) => new Uint8Array(100_000).fill(i));
  const tar = writeTar(partFiles("volumes/0", ReadableStream.from(chunks)), { mtime: 0 });
  const names: string[] = [];
  let total = 0;
  for await (const { name, data } of readTar(ReadableStream.from(tar))) {
    names.push(name);
    for await (const chunk of data) total += chunk.length;
  }
  assert.deepEqual([names, total], [
    ["volumes/0/000000", "volumes/0/000001", "volumes/0/000002"],
    10_000_000,
  ]);
});
