/** Tests configmaps as variables and files, in containers and processes. @module */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { processService, RUNNER_KINDS, SLEEP } from "./castfiles.ts";
import { startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

const CONFIGMAPS = `configmap:
  name: app
  data: { GREETING: hello, LATER: one, app.conf: "x = 1" }
---
configmap:
  name: more
  namespace: shared
  data: { LATER: two, EXPLICIT: no }
---
`;
const FIELDS = (dir: string) =>
  `  env: { EXPLICIT: "yes" }
  envFrom:
    - { configName: app }
    - { configmapName: more.shared.rune }
    - { configName: app, prefix: APP_ }
  configMounts:
    - { name: all, configName: app, mountPath: ${dir}/all }
    - name: some
      configName: app
      mountPath: ${dir}/some
      items: [{ key: app.conf, path: conf.d/main.conf }]
      user: 1234
      group: 4321
      mode: "0640"
`;
const SHOW = 'echo "$GREETING $LATER $EXPLICIT $APP_LATER"';

for (const { kind, ignore, dir, cast } of RUNNER_KINDS) {
  Deno.test({
    name:
      `a ${kind} gets configmaps as variables and files, starts by itself once a missing one exists, and restart brings new values`,
    ignore,
    async fn() {
      if (kind === "container") await ensureTestImage();
      await using host = await startHost();
      const at = dir(host);
      const shell = (script: string) => host.rune("exec", "web", "--", "sh", "-c", script);
      const castfile = await host.file("web.yaml", cast(FIELDS(at)));

      // Nothing exists yet: the message names exactly what is missing, also a missing key.
      assert.match(await host.rune("cast", castfile, "--no-wait"), /created/);
      const status = (message: RegExp) =>
        until(`the service says ${message}`, async () => {
          const { status } = await host.get("service", "web");
          return status.reason === "ConfigMissing" && message.test(status.message) && status;
        });
      const missing = await status(/configmap default\/app does not exist; cast it/);
      assert.match(missing.message, /configmap shared\/more does not exist/);
      await host.rune("create", "configmap", "app", "--from-literal", "GREETING=hello");
      await status(/configmap default\/app has no key "app.conf" \(it has: GREETING\); add it/);
      await host.rune("cast", await host.file("maps.yaml", CONFIGMAPS));
      await until("it starts", async () => (await host.get("service", "web")).status.state === "Running");

      assert.equal(await shell(SHOW), "hello two yes one\n");
      const events = (await host.get("events")).items.filter((e: { spec: { reason: string } }) =>
        e.spec.reason === "ConfigKeysSkipped"
      );
      assert.match(events[0].spec.message, /app\.conf/, "a key that is no name of a variable is said");

      assert.equal(await shell(`cat ${at}/all/app.conf`), "x = 1");
      assert.equal(await shell(`ls ${at}/all`), "GREETING\nLATER\napp.conf\n");
      assert.equal(await shell(`stat -c '%a %u' ${at}/all/GREETING`), "444 0\n");
      assert.equal(await shell(`stat -c '%a %u %g' ${at}/some/conf.d/main.conf`), "640 1234 4321\n");
      assert.equal(await shell(`ls ${at}/some`), "conf.d\n");
      const { code, stderr } = await host.run(["exec", "web", "--", "sh", "-c", `echo x > ${at}/all/new`]);
      assert.notEqual(code, 0);
      assert.match(stderr, /[Rr]ead-only/);

      // No other user of the host can read them.
      const before = await host.get("instance", "web-0");
      const files = `${host.dataDir}/runs/${before.uid}-${before.status.run}`;
      assert.equal((await Deno.stat(files)).mode! & 0o777, 0o700);

      await host.rune("cast", await host.file("maps.yaml", CONFIGMAPS.replaceAll("hello", "bye")));
      assert.equal((await host.get("instance", "web-0")).status.handle, before.status.handle);
      assert.match(await shell(SHOW), /^hello/, "a change of a configmap restarts nothing");
      await host.rune("restart", "web");
      assert.equal(await shell(SHOW), "bye two yes one\n");
      assert.equal(await shell(`cat ${at}/all/GREETING`), "bye");
      await assert.rejects(Deno.stat(files), Deno.errors.NotFound, "the files go with the run");

      await host.rune("configmap", "delete", "app", "--yes");
      assert.equal((await host.get("service", "web")).status.state, "Running");
      await host.rune("delete", "web", "--yes");
      assert.deepEqual(await Array.fromAsync(Deno.readDir(`${host.dataDir}/runs`)), []);
    },
  });
}

Deno.test({
  name: "the next daemon removes the files of a run that died with the last one",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const mount = `  configMounts: [{ configName: app, mountPath: ${host.home}/view }]\n`;
    await host.rune("create", "configmap", "app", "--from-literal", "k=v");
    await host.rune(
      "cast",
      await host.file("a.yaml", processService("agent", mount, `cat ${host.home}/view/k; ${SLEEP}`)),
    );
    await host.daemon.stop("SIGKILL");
    await Deno.mkdir(`${host.dataDir}/runs/${crypto.randomUUID()}-3/0`, { recursive: true });
    await host.restart();
    await until(
      "only the live run's files are left",
      async () => (await Array.fromAsync(Deno.readDir(`${host.dataDir}/runs`))).length === 1,
    );
    assert.equal((await host.get("service", "agent")).status.state, "Running");
    assert.equal(await host.rune("exec", "agent", "--", "cat", `${host.home}/view/k`), "v");
    assert.equal(await host.rune("logs", "agent"), "v\n");
  },
});

Deno.test({
  name:
    "rune configmap and rune create configmap: files, directories, lists, and refusals that say what to do",
  async fn() {
    await using host = await startHost();
    await Deno.mkdir(`${host.home}/d/below`, { recursive: true });
    await Deno.writeTextFile(`${host.home}/d/one.conf`, "1\n");
    await Deno.writeTextFile(`${host.home}/d/two.conf`, "2\n");
    const made = await host.rune(
      "configmap",
      "create",
      "app",
      "--from-literal",
      "a=b=c",
      "--from-file",
      `${host.home}/d`,
      "--from-file",
      `three=${host.home}/d/one.conf`,
    );
    assert.equal(made, "configmap default/app created (4 keys)\n");
    assert.deepEqual((await host.get("configmap", "app")).spec.data, {
      a: "b=c",
      "one.conf": "1\n",
      "two.conf": "2\n",
      three: "1\n",
    });
    assert.match(await host.rune("configmap", "list"), /^NAME +KEYS +AGE\napp +4 +\S+\n$/);
    for (
      const [args, said] of [
        [["--from-literal", "a"], /"a" is not key=value/],
        [["--from-literal", "a/b=1"], /"a\/b" is not a valid key/],
        [["--from-literal", "a=1", "--from-literal", "a=2"], /duplicate key "a"/],
        [["--from-file", "/nowhere"], /\/nowhere does not exist/],
        [["--from-file", Deno.execPath()], /not text in UTF-8/],
      ] as [string[], RegExp][]
    ) {
      const { code, stderr } = await host.run(["create", "configmap", "other", ...args]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, said);
    }
    assert.equal((await host.run(["create", "configmap", "app"])).code, 5);
    await host.rune("configmap", "delete", "app", "--yes");
    assert.equal((await host.run(["configmap", "get", "app"])).code, 4);
  },
});
