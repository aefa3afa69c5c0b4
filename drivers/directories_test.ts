import assert from "node:assert/strict";
import { join } from "node:path";
import { scratchDirectory } from "./conformance_trial.ts";
import { ensureDirectory, lookAtDirectory } from "./directories.ts";

async function inScratch(fn: (at: (name: string) => string) => Promise<void>): Promise<void> {
  const scratch = await scratchDirectory();
  try {
    await fn((name) => join(scratch.path, name));
  } finally {
    await scratch.remove();
  }
}

Deno.test("lookAtDirectory() distinguishes absent, empty and filled, and refuses what is no directory", () =>
  inScratch(async (at) => {
    assert.equal(await lookAtDirectory(at("d")), "absent");
    await Deno.mkdir(at("d"));
    assert.equal(await lookAtDirectory(at("d")), "empty");
    await Deno.writeTextFile(at("d/f"), "");
    assert.equal(await lookAtDirectory(at("d")), "filled");
    await Deno.symlink(at("d"), at("link"));
    for (const path of ["d/f", "link"]) {
      await assert.rejects(lookAtDirectory(at(path)), { code: "failed_precondition", permanent: true });
    }
  }));

Deno.test("lookAtDirectory() does not fail while a directory is moved away", () =>
  inScratch(async (at) => {
    await Deno.mkdir(at("d"));
    for (let n = 0; n < 500; n++) {
      const [from, to] = n % 2 === 0 ? ["d", "e"] : ["e", "d"];
      const looks = [1, 2, 3].map(() => lookAtDirectory(at(from!)));
      const [found] = await Promise.all([Promise.all(looks), Deno.rename(at(from!), at(to!))]);
      assert.ok(found.every((f) => f === "absent" || f === "empty"));
    }
  }));

Deno.test("ensureDirectory() sets the mode whatever the umask, and does not change an existing directory", () =>
  inScratch(async (at) => {
    const umask = Deno.umask(0o077);
    try {
      await ensureDirectory(at("d"), 0o751);
    } finally {
      Deno.umask(umask);
    }
    await ensureDirectory(at("d"), 0o700);
    assert.equal((await Deno.stat(at("d"))).mode! & 0o777, 0o751);
  }));
