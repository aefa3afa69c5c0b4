import assert from "node:assert/strict";
import { scratchDirectory } from "./conformance_trial.ts";
import { DirectoryHolds, holdsPath } from "./directory_hold.ts";
import { bindDirectory, unmountDirectory } from "./host.ts";
import { whereIs } from "./open_directory.ts";

/** Daemons `a` and `b` beside a directory `srv/inner`. */
async function withHost(
  fn: (host: { at: (name: string) => string; daemon: (id: string) => DirectoryHolds }) => Promise<void>,
): Promise<void> {
  const scratch = await scratchDirectory();
  const at = (name: string) => `${scratch.path}/${name}`;
  try {
    await Deno.mkdir(at("srv/inner"), { recursive: true });
    await Deno.mkdir(at("run"));
    await fn({
      at,
      daemon: (daemonId) =>
        new DirectoryHolds({ daemonId, dataDir: `/data/${daemonId}` }, { place: at("run/rune/held") }),
    });
  } finally {
    await scratch.remove();
  }
}

const volume = { uid: "u", name: "default/v" };

Deno.test("DirectoryHolds refuses a directory that another daemon holds, names both, and accepts it after the release", () =>
  withHost(async ({ at, daemon }) => {
    const where = await whereIs(at("srv"));
    await daemon("a").take(where, volume);
    await daemon("a").take(where, volume);
    assert.deepEqual(await daemon("a").list(), ["u"], "also of an object of its own, as after a restart");
    for (const path of ["srv", "srv/inner", "."]) {
      await assert.rejects(daemon("b").take(await whereIs(at(path)), volume), {
        code: "conflict",
        message:
          /held by another Rune daemon, a of the data directory \/data\/a, for its volume default\/v at .*srv/,
        hint: new RegExp(`remove ${at("run/rune/held")}/.*json`),
      });
    }
    assert.deepEqual(await daemon("b").list(), [], "a hold that was refused leaves nothing");
    await daemon("b").release("u");
    await assert.rejects(daemon("b").take(where, volume), { code: "conflict" });
    await daemon("a").release("u");
    await daemon("a").release("u");
    await daemon("b").take(where, volume);
    assert.equal((await Deno.stat(at("run/rune/held"))).mode! & 0o777, 0o700);
  }));

Deno.test("DirectoryHolds ignores a partial file of a killed daemon, and removes it with the next call", () =>
  withHost(async ({ at, daemon }) => {
    await Deno.mkdir(at("run/rune/held"), { recursive: true, mode: 0o700 });
    for (const id of ["a", "b"]) await Deno.writeTextFile(at(`run/rune/held/.${id}.u`), "");
    await daemon("a").take(await whereIs(at("srv")), volume);
    const names = (await Array.fromAsync(Deno.readDir(at("run/rune/held")))).map(({ name }) => name);
    assert.deepEqual(names.filter((name) => !name.endsWith(".json")), [".b.u"]);
  }));

Deno.test("DirectoryHolds gives a directory to one of many simultaneous callers", () =>
  withHost(async ({ at, daemon }) => {
    const where = await whereIs(at("srv"));
    const names = ["a", "b", "c", "d", "e"];
    const taken = await Promise.allSettled(names.map((name) => daemon(name).take(where, volume)));
    assert.equal(taken.filter((t) => t.status === "fulfilled").length, 1);
  }));

Deno.test("DirectoryHolds ignores a hold whose directory is gone", () =>
  withHost(async ({ at, daemon }) => {
    await daemon("a").take(await whereIs(at("srv")), volume);
    await Deno.remove(at("srv"), { recursive: true });
    await Deno.mkdir(at("srv/inner"), { recursive: true });
    await daemon("b").take(await whereIs(at("srv/inner")), volume);
  }));

Deno.test({
  name: "DirectoryHolds recognizes a directory at another path (needs root)",
  ignore: Deno.uid() !== 0,
  fn: () =>
    withHost(async ({ at, daemon }) => {
      const { signal } = new AbortController();
      await Deno.mkdir(at("bound"));
      await bindDirectory(at("srv/inner"), { directory: at("bound"), signal });
      try {
        await daemon("a").take(await whereIs(at("srv")), volume);
        await assert.rejects(daemon("b").take(await whereIs(at("bound")), volume), { code: "conflict" });
      } finally {
        await unmountDirectory(at("bound"), signal);
      }
    }),
});

Deno.test("holdsPath() is the same for all daemons of root, and for those of each user", () => {
  const path = holdsPath((name) => name === "XDG_RUNTIME_DIR" ? "/run/user/7" : undefined);
  assert.equal(path, Deno.uid() === 0 ? "/run/rune/held" : "/run/user/7/rune/held");
});
