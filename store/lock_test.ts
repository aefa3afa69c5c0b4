import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { lockDataDir } from "./lock.ts";
import { openStore } from "./store.ts";
import { withDir } from "./store_fixture.ts";

Deno.test.sanitizer({ ops: true, resources: true });

Deno.test("lockDataDir() refuses a second owner, names the first, and is free again after release", () =>
  withDir(async (dir) => {
    const first = lockDataDir(dir);
    assert.throws(() => lockDataDir(dir), {
      code: "failed_precondition",
      message: new RegExp(`pid ${Deno.pid}\\b.*${dir}`),
      hint: /stop that daemon/,
    });
    first[Symbol.dispose]();
    lockDataDir(dir)[Symbol.dispose]();
  }));

Deno.test("openStore() refuses while another process owns the directory, and opens after that process is killed", () =>
  withDir(async (dataDir) => {
    const url = fileURLToPath(import.meta.resolve("./store.ts"));
    const script = `import { openStore } from ${JSON.stringify(url)};
      await openStore({ dataDir: ${JSON.stringify(dataDir)} });
      console.log("open");
      await new Promise(() => setInterval(() => {}, 1000));`;
    const owner = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", "--unstable-kv", script],
      stdout: "piped",
    }).spawn();
    try {
      const reader = owner.stdout.getReader();
      assert.equal(new TextDecoder().decode((await reader.read()).value), "open\n");
      await reader.cancel();
      await assert.rejects(openStore({ dataDir }), {
        code: "failed_precondition",
        message: new RegExp(`pid ${owner.pid}\\b`),
      });
    } finally {
      owner.kill("SIGKILL");
      await owner.status;
    }
    await (await openStore({ dataDir })).close();
  }));

Deno.test("a released lock is free even while another thread starts children, which copy open files", () =>
  withDir(async (dir) => {
    const script = "for (;;) { await new Deno.Command('true').output(); postMessage('started'); }";
    const starting = new Worker(`data:text/javascript,${encodeURIComponent(script)}`, { type: "module" });
    try {
      let started = 0;
      await new Promise<void>((resolve, reject) => {
        starting.onerror = reject;
        starting.onmessage = () => {
          try {
            for (let n = 0; n < 20; n++) lockDataDir(dir)[Symbol.dispose]();
          } catch (error) {
            reject(error);
          }
          if (++started === 50) resolve();
        };
      });
    } finally {
      starting.terminate();
    }
  }));
