/** Tests versions of a service: which are kept, what is shown of them, and which can be restored. @module */
import assert from "node:assert/strict";
import { allowPath, hostVolume, processService } from "./castfiles.ts";
import { startHost } from "./host.ts";
import { noRoot } from "./skips.ts";

Deno.test({
  name:
    "scales make no versions; history shows who, when and the live one; a rollback without its volume or secret is refused",
  ignore: noRoot,
  async fn() {
    const dir = await Deno.makeTempDir({ prefix: "rune-test-" });
    await using _dir = { [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }) };
    await using host = await startHost({ runefile: allowPath(dir) });
    const cast = async (text: string) =>
      await host.rune("cast", await host.file("cast.yaml", text), "--timeout", "40s");
    const secret = "secret: { name: key, data: { a: one } }\n---\n";
    const env = (text: string) => `  env: { ${text} }\n`;
    const first = processService(
      "web",
      `  volumes: [{ name: d, mountPath: ${dir}, claim: { name: d } }]\n${env("V: one")}`,
    );
    await cast(hostVolume("d", dir) + first);
    await cast(secret + processService("web", env('V: two, A: "{{ secret:key/a }}"')));
    await cast(processService("web", env("V: three")));
    for (let i = 0; i < 6; i++) {
      await host.rune("scale", "web", "2", "--no-wait");
      await host.rune("scale", "web", "1", "--no-wait");
    }
    await host.rune("scale", "web", "2", "--timeout", "40s");
    const { generation } = await host.get("service", "web");
    assert.equal(generation, 16);
    const told = await host.run(["history", "web"]);
    const rows = told.stdout.trim().split("\n").map((line) => line.split(/\s{2,}/));
    assert.deepEqual(rows.map(([g, , by, status]) => [g, by, status]), [
      ["GENERATION", "BY", "STATUS"],
      ["3", "anonymous", "live"],
      ["2", "anonymous", "was ready"],
      ["1", "anonymous", "was ready"],
    ]);
    assert.match(told.stderr, /rune rollback web -n default --to-generation 2/);

    await host.rune("volume", "delete", "d", "--yes");
    await host.rune("secret", "delete", "key", "--yes");
    for (
      const [flags, says] of [
        [["--to-generation", "1"], /cannot go back to generation 1: volume default\/d.*does not exist/],
        [[], /cannot go back to generation 2: secret default\/key does not exist/],
      ] as const
    ) {
      const refused = await host.run(["rollback", "web", ...flags]);
      assert.equal(refused.code, 5, refused.stderr);
      assert.match(refused.stderr, says);
    }
    assert.equal((await host.get("service", "web")).generation, 16);
    await cast(secret);
    await host.rune("rollback", "web", "--timeout", "40s");
    assert.equal((await host.get("service", "web")).spec.env.V, "two");
    await host.rune("rollback", "web", "--to-generation", "9", "--timeout", "40s");
    assert.equal(
      (await host.get("service", "web")).spec.env.V,
      "three",
      "a scale of that version names it too",
    );
  },
});
