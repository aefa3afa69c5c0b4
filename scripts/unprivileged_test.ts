import assert from "node:assert/strict";
import { noRoot } from "../tests/skips.ts";
import { capture } from "./command.ts";
import { listFiles, ROOT } from "./tree.ts";
import { asNobody, findUntested, listUnprivilegedTests } from "./unprivileged.ts";

Deno.test("findUntested() names a file without a test beside it, unless it declares types alone", () => {
  const texts: Record<string, string> = {
    "server/admission/a.ts": "export function a() {}\n",
    "server/admission/a_test.ts": "",
    "server/admission/b.ts": "/** B. */\nexport const b = 1;\n",
    "server/admission/c.ts": "export interface C {}\n",
    "server/admission/d_fixture.ts": "export const d = 1;\n",
    "reconcile/volume/apply.ts": "export async function apply() {}\n",
    "reconcile/volume/controller.ts": "export const C = 1;\n",
    "reconcile/volume/plan.ts": "export function plan() {}\n",
    "reconcile/sweep/controller.ts": "export const C = 1;\n",
  };
  assert.deepEqual(findUntested(Object.keys(texts), (path) => texts[path]!), [
    "server/admission/b.ts: has no test beside it",
    "reconcile/volume/apply.ts: has no test beside it",
    "reconcile/sweep/controller.ts: has no test beside it",
  ]);
});

Deno.test("every file of the rooms that need no root has a test beside it", async () => {
  const files = await listFiles(ROOT);
  assert.deepEqual(findUntested(files, (path) => Deno.readTextFileSync(`${ROOT}/${path}`)), []);
});

Deno.test({
  name: "the tests of admission, API and controllers pass as an ordinary user",
  // There they run as one anyway.
  ignore: noRoot,
  async fn() {
    const place = await Deno.makeTempDir({ prefix: "rune-nobody-" });
    try {
      const info = JSON.parse((await capture([Deno.execPath(), "info", "--json"])).stdout);
      // A cache of its own, which it may write.
      const copy = await capture(["cp", "-r", info.npmCache, `${place}/npm`]);
      assert.equal(copy.code, 0, copy.stderr);
      assert.equal((await capture(["chown", "-R", "65534:65534", place])).code, 0);
      const flags = ["-A", "--no-check", "--cached-only", "--parallel", "--reporter=dot"];
      const { code, stdout, stderr } = await capture(
        asNobody([Deno.execPath(), "test", ...flags, ...listUnprivilegedTests(await listFiles(ROOT))]),
        { cwd: ROOT, env: { DENO_DIR: place, HOME: place, CI: "" } },
      );
      assert.equal(code, 0, stdout.slice(Math.max(0, stdout.indexOf(" ERRORS "))) + stderr);
      const [, passed] = /(\d+) passed/.exec(stdout) ?? [];
      assert.ok(Number(passed) > 100, stdout.slice(-500));
    } finally {
      await Deno.remove(place, { recursive: true });
    }
  },
});
