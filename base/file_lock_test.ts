import assert from "node:assert/strict";
import { isLocked, lockFile, noteHolder } from "./file_lock.ts";

const open = (path: string) => Deno.openSync(path, { read: true, write: true, create: true });

async function withPath(test: (path: string) => void): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "rune-file-lock-" });
  try {
    test(`${dir}/lock`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("lockFile() locks for one holder at a time, and isLocked() tells whether anyone holds the lock", () =>
  withPath((path) => {
    assert.equal(isLocked(path), false);
    {
      using first = lockFile(open(path));
      assert.ok(first);
      assert.equal(lockFile(open(path)), undefined);
      assert.equal(isLocked(path), true);
    }
    assert.equal(isLocked(path), false);
    using again = lockFile(open(path));
    assert.ok(again);
  }));

Deno.test("noteHolder() replaces a longer note", () =>
  withPath((path) => {
    Deno.writeTextFileSync(path, "an older and longer note\n");
    using file = open(path);
    noteHolder(file, "17\n");
    assert.equal(Deno.readTextFileSync(path), "17\n");
  }));

Deno.test("noteHolder() does not change a file that it cannot write", () =>
  withPath((path) => {
    Deno.writeTextFileSync(path, "old");
    using file = Deno.openSync(path);
    noteHolder(file, "new");
    assert.equal(Deno.readTextFileSync(path), "old");
  }));
