/**
 * Tests who uses a configmap or secret, who still runs with an older version, and the progress of a rollout.
 * @module
 */
import assert from "node:assert/strict";
import { processService } from "./castfiles.ts";
import { startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

Deno.test({
  name:
    "for a changed configmap or secret, Rune shows who uses it and who still runs with the old one, until a restart",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const cast = async (text: string) =>
      await host.rune("cast", await host.file("cast.yaml", text), "--timeout", "40s");
    const data = (v: string) =>
      `configmap: { name: app, data: { MODE: ${v} } }\n---\nsecret: { name: key, data: { a: ${v} } }\n---\n`;
    const web = processService(
      "web",
      `  envFrom: [{ configName: app }]\n  env: { A: "{{ secret:key/a }}" }\n`,
    );
    await cast(data("one") + web + "---\n" + processService("other"));
    const readWide = async () => {
      const [head, ...rows] = (await host.rune("get", "services", "-o", "wide")).trim().split("\n");
      const cells = (line: string) => line.split(/\s{2,}/);
      const at = (header: string) => cells(head!).indexOf(header);
      return rows.map(cells).map((row) => [row[0], row[at("UP-TO-DATE")], row[at("CONFIG")]]);
    };
    assert.deepEqual(await readWide(), [["other", "1/1", "-"], ["web", "1/1", "-"]]);
    assert.match(await host.rune("describe", "configmap", "app"), /Used by:?\s+service default\/web\n/);

    await cast(data("two"));
    await until(
      "it is told",
      async () => (await readWide())[1]![2] === "changed since start: rune restart web",
    );
    for (const kind of ["configmap", "secret"]) {
      const name = kind === "secret" ? "key" : "app";
      assert.match(
        await host.rune("describe", kind, name),
        /service default\/web {2}older values in web-0; to use the new ones: rune restart web -n default/,
      );
    }
    assert.match(
      await host.rune("describe", "service", "web"),
      /changed since start: configmap default\/app \(web-0\), secret default\/key \(web-0\)/,
    );
    await host.rune("restart", "web", "--timeout", "40s");
    assert.deepEqual(await readWide(), [["other", "1/1", "-"], ["web", "1/1", "-"]]);
  },
});

Deno.test({
  name: "rollout status waits for the last change, and exits like a cast",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const check = (file: string) =>
      `  update: { timeout: 3s }\n  health: { readiness: { type: exec, command: [sh, -c, "test -e ${host.home}/${file}"], ` +
      `intervalSeconds: 1 } }\n`;
    await Deno.writeTextFile(`${host.home}/good`, "");
    const cast = async (file: string) =>
      await host.rune("cast", await host.file("c.yaml", processService("web", check(file))), "--no-wait");
    await cast("good");
    assert.match(
      await host.rune("rollout", "status", "web", "--timeout", "40s"),
      /web is rolled out, as generation 1 \(Running, 1\/1 ready\)/,
    );
    await cast("bad");
    const failed = await host.run(["rollout", "status", "web", "--timeout", "40s"]);
    assert.equal(failed.code, 1, failed.stderr);
    assert.match(failed.stderr, /rollout failed: .*did not become ready within 3s/);
    assert.match(
      await host.rune("rollout", "status", "web", "--no-wait"),
      /Running, 0\/1 up to date, 1\/1 ready/,
    );
    assert.equal((await host.run(["rollout", "status", "none"])).code, 4);
  },
});
