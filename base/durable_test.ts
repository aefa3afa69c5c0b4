import assert from "node:assert/strict";
import { makeFullFilesystem } from "../scripts/full_filesystem.ts";
import { noRoot } from "../tests/skips.ts";
import {
  asideOf,
  moveEntry,
  removeEntry,
  replaceFile,
  writeAll,
  writeAllSync,
  writeNewFile,
} from "./durable.ts";

/** Takes three bytes at a time, up to `room` bytes in all. */
function slowSink(room = Infinity) {
  const taken: number[] = [];
  const writeSync = (bytes: Uint8Array) => {
    const part = bytes.subarray(0, Math.min(3, room - taken.length));
    taken.push(...part);
    return part.length;
  };
  return { taken, writeSync, write: (bytes: Uint8Array) => Promise.resolve(writeSync(bytes)) };
}

const namesIn = async (dir: string) =>
  (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name).sort();

Deno.test("writeAll() goes on until the sink has taken every byte, and throws when it takes no more", async () => {
  const bytes = new TextEncoder().encode("seventeen letters");
  for (const write of [writeAll, async (...args: Parameters<typeof writeAllSync>) => writeAllSync(...args)]) {
    const sink = slowSink();
    await write(sink, bytes);
    assert.deepEqual(sink.taken, [...bytes]);
    await assert.rejects(() => write(slowSink(7), bytes), /took none/);
  }
});

Deno.test("replaceFile() sets mode and content, over the leftover of a killed process", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rune-durable-" });
  try {
    const path = `${dir}/file`;
    await Deno.writeTextFile(asideOf(path), "half", { mode: 0o644 });
    await replaceFile(path, "first");
    await replaceFile(path, "second", { mode: 0o644, aside: `${path}.other` });
    assert.equal(await Deno.readTextFile(path), "second");
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o644);
    await replaceFile(path, "third");
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    assert.deepEqual(await namesIn(dir), ["file"]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("replaceFile() takes a name alone for a file of the current directory", async () => {
  const dir = await Deno.makeTempDir();
  try {
    // In a program of its own: the current directory is one for all tests.
    const script = `import { replaceFile } from "${new URL("./durable.ts", import.meta.url)}";
      await replaceFile("rune.tgz", "whole");`;
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", script], cwd: dir })
      .output();
    assert.ok(success, new TextDecoder().decode(stderr));
    assert.equal(await Deno.readTextFile(`${dir}/rune.tgz`), "whole");
    assert.deepEqual(await namesIn(dir), ["rune.tgz"]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("replaceFile() does not follow a symbolic link at its aside path", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rune-durable-" });
  try {
    await Deno.writeTextFile(`${dir}/victim`, "kept");
    await Deno.symlink(`${dir}/victim`, asideOf(`${dir}/file`));
    await replaceFile(`${dir}/file`, "new");
    assert.equal(await Deno.readTextFile(`${dir}/victim`), "kept");
    assert.equal(await Deno.readTextFile(`${dir}/file`), "new");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test({
  name: "replaceFile() and writeNewFile() throw on a full disk, keep the old content and leave nothing",
  ignore: noRoot,
  async fn() {
    await using disk = await makeFullFilesystem();
    const path = `${disk.path}/file`;
    await replaceFile(path, "old");
    const big = new Uint8Array(64 * 1024).fill(120);
    await disk.fill({ free: 16 * 1024 });
    {
      // The reason for all this: on a full disk a single write is short, and reports no error.
      using file = await Deno.open(`${disk.path}/bare`, { write: true, create: true });
      const taken = await file.write(big);
      assert.ok(taken > 0 && taken < big.length, `${taken}`);
    }
    await Deno.remove(`${disk.path}/bare`);
    await assert.rejects(() => replaceFile(path, big), /No space left/);
    await assert.rejects(() => writeNewFile(`${disk.path}/fresh`, [big]), /No space left/);
    assert.equal(await Deno.readTextFile(path), "old");
    assert.deepEqual(await namesIn(disk.path), ["file", "filler"]);
  },
});

Deno.test("replaceFile() of a stream keeps the old content when the stream or the check fails, and leaves nothing", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rune-durable-" });
  const bytes = (text: string) => new TextEncoder().encode(text);
  async function* breaks() {
    yield bytes("half");
    throw new Error("broken off");
  }
  try {
    const path = `${dir}/file`;
    assert.equal(await replaceFile(path, ReadableStream.from([bytes("o"), bytes("ld")])), 3);
    await assert.rejects(() => replaceFile(path, breaks()), { message: "broken off" });
    const check = async (aside: string) => {
      assert.equal(await Deno.readTextFile(aside), "new");
      assert.equal(await Deno.readTextFile(path), "old");
      throw new Error("not what it should be");
    };
    await assert.rejects(() => replaceFile(path, "new", { check }), { message: "not what it should be" });
    assert.equal(await Deno.readTextFile(path), "old");
    assert.deepEqual(await namesIn(dir), ["file"]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("moveEntry() replaces no directory that holds something, and removeEntry() is done when it is gone", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rune-durable-" });
  try {
    await Deno.mkdir(`${dir}/a/x`, { recursive: true });
    await Deno.mkdir(`${dir}/b/y`, { recursive: true });
    await assert.rejects(moveEntry(`${dir}/a`, `${dir}/b`));
    assert.deepEqual(await namesIn(`${dir}/b`), ["y"]);
    await removeEntry(`${dir}/b/y`);
    await removeEntry(`${dir}/b/y`);
    await moveEntry(`${dir}/a`, `${dir}/b`);
    assert.deepEqual(await namesIn(`${dir}/b`), ["x"]);
    await assert.rejects(removeEntry(`${dir}/b`));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
