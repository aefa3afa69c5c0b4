import assert from "node:assert/strict";
import type { FileMount } from "./files.ts";
import { createRunFiles } from "./run_files.ts";

const { signal } = new AbortController();

const mount = (more: Partial<FileMount> = {}): FileMount => ({
  target: "/etc/app",
  inMemory: false,
  user: undefined,
  group: undefined,
  mode: 0o444,
  files: [{ path: "a/b.conf", text: "x" }],
  ...more,
});

async function withRoot(fn: (root: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    await fn(`${home}/runs`);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const names = async (root: string) =>
  (await Array.fromAsync(Deno.readDir(root))).map((entry) => entry.name).sort();

Deno.test("run files are closed from outside, open inside, made anew each time, and go run by run", () =>
  withRoot(async (root) => {
    const files = createRunFiles({ root });
    const [made] = await files.prepare({ instanceUid: "u-1", run: 1 }, { mounts: [mount()], signal });
    assert.deepEqual(made, { source: `${root}/u-1-1/0`, target: "/etc/app", readOnly: true });
    const mode = async (path: string) => (await Deno.stat(`${root}/u-1-1${path}`)).mode! & 0o777;
    assert.deepEqual(await Promise.all([mode(""), mode("/0"), mode("/0/a"), mode("/0/a/b.conf")]), [
      0o700,
      0o755,
      0o755,
      0o444,
    ]);
    await files.prepare({ instanceUid: "u-1", run: 1 }, {
      mounts: [mount({ files: [{ path: "c", text: "y" }] })],
      signal,
    });
    assert.deepEqual(await names(`${root}/u-1-1/0`), ["c"]);
    await files.prepare({ instanceUid: "u-2", run: 7 }, { mounts: [mount()], signal });
    await files.prepare({ instanceUid: "u-1", run: 2 }, { mounts: [mount()], signal });
    assert.deepEqual(await names(root), ["u-1-2", "u-2-7"]);
    assert.deepEqual(
      (await files.list(signal)).map(({ instanceUid, run }) => `${instanceUid}-${run}`).sort(),
      [
        "u-1-2",
        "u-2-7",
      ],
    );
    await files.discard([{ instanceUid: "u-1", run: 2 }], signal);
    assert.deepEqual(await names(root), ["u-2-7"]);
    await files.remove("u-2", signal);
    await files.remove("u-2", signal);
    assert.deepEqual(await names(root), []);
  }));

Deno.test("run files with secrets are made in memory where that can be mounted, and unmounted before they go", () =>
  withRoot(async (root) => {
    const calls: string[] = [];
    const memory = {
      mount: (dir: string) => {
        calls.push(`mount ${dir.slice(root.length)}`);
        return Promise.resolve();
      },
      unmount: (dir: string) => {
        calls.push(`unmount ${dir.slice(root.length)}`);
        return Promise.resolve();
      },
      list: () => Promise.resolve([`${root}/u-1`, "/elsewhere/runs/u-1", "/stuck/runs/u-2"]),
      detach: (dir: string) => {
        if (dir.startsWith("/stuck")) return Promise.reject(new Error("busy"));
        calls.push(`detach ${dir}`);
        return Promise.resolve();
      },
    };
    const files = createRunFiles({ root, memory });
    await files.prepare({ instanceUid: "u", run: 1 }, { mounts: [mount()], signal });
    assert.deepEqual(calls, ["unmount /u-1"], "what is no secret needs no memory");
    await files.prepare({ instanceUid: "u", run: 1 }, {
      mounts: [mount({ inMemory: true, mode: 0o400 })],
      signal,
    });
    await files.remove("u", signal);
    assert.deepEqual(calls.slice(1), ["unmount /u-1", "mount /u-1", "unmount /u-1"]);
    const left: string[] = [];
    const next = createRunFiles({
      root,
      memory,
      onLeft: (path, { message }) => left.push(`${path}: ${message}`),
    });
    assert.equal(await next.detachElsewhere(signal), 1);
    assert.deepEqual(calls.slice(4), ["detach /elsewhere/runs/u-1"], "what lies here is for its run");
    assert.deepEqual(left, ["/stuck/runs/u-2: busy"]);
    // A host that forbids mounts, even to root: the private directory must do.
    const told: string[] = [];
    const without = createRunFiles({
      root,
      memory: { ...memory, mount: () => Promise.reject(new Error("no")) },
      onDisk: ({ message }) => told.push(message),
    });
    const [made] = await without.prepare({ instanceUid: "u", run: 2 }, {
      mounts: [mount({ inMemory: true })],
      signal,
    });
    assert.equal(await Deno.readTextFile(`${made!.source}/a/b.conf`), "x");
    assert.deepEqual(told, ["no"]);
  }));

Deno.test("run files never get a setuid, setgid or sticky bit, whatever was stored", () =>
  withRoot(async (root) => {
    await createRunFiles({ root }).prepare({ instanceUid: "u", run: 1 }, {
      mounts: [mount({ mode: 0o7755 })],
      signal,
    });
    assert.equal((await Deno.stat(`${root}/u-1/0/a/b.conf`)).mode! & 0o7777, 0o755);
  }));
