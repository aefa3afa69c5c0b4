/** Tests the use of secrets: as variables and files of containers and processes, and nowhere else. @module */
import { sleep } from "../base/delay.ts";
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { processService, RUNNER_KINDS } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { argumentsWith, findFilesWith, mountsBelow } from "./raw_files.ts";
import { noRoot } from "./skips.ts";

/** The second one would be damaged by a shell. */
const FIRST = { password: "hunter2-of-the-first-day", token: "token-4711\n'of' \"the\" $HOME `first` day" };
const SECOND = { password: "swordfish-of-the-second-day", token: "token-of-the-second-day-0815" };
const VALUES = [FIRST, SECOND].flatMap((values) => Object.values(values));

/** `some.conf` is not a valid variable name; `EXPLICIT` is set by the service itself. */
const secrets = ({ password, token }: typeof FIRST) =>
  `secret:
  name: db
  data: { password: ${password}, EXPLICIT: hidden-by-the-service, some.conf: of-no-variable }
---
secret: { name: api, namespace: shared, data: { token: ${JSON.stringify(token)} } }
`;

/** What a step and `exec` print about the values: never the values, because output is stored on disk. */
const digest = async (text: string) => {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
};
const SUM = "sha256sum | cut -d' ' -f1";
const show = (dir: string) =>
  `printf %s "$URL" | ${SUM}; printf %s "$DB_password" | ${SUM}; cat ${dir}/all/password | ${SUM}; ` +
  `cat ${dir}/some/conf.d/token | ${SUM}; echo "$EXPLICIT $DB_EXPLICIT"`;
const expectOutput = async ({ password, token }: typeof FIRST) => {
  const texts = [`db:${password}@h?${token}`, password, password, token];
  return [...await Promise.all(texts.map(digest)), "the-service's hidden-by-the-service\n"].join("\n");
};

const FIELDS = (dir: string) =>
  `  env:
    EXPLICIT: the-service's
    URL: "db:{{ secret:db/password }}@h?{{ secret:api.shared.rune/token }}"
  envFrom:
    - { secretName: db }
    - { secretName: db, prefix: DB_ }
  secretMounts:
    - { name: all, secretName: db, mountPath: ${dir}/all }
    - name: some
      secretName: api.shared.rune
      mountPath: ${dir}/some
      items: [{ key: token, path: conf.d/token }]
      user: 1234
      group: 4321
      mode: "0640"
  initSteps:
    - { name: look, command: ${JSON.stringify(["/bin/sh", "-c", show(dir)])} }
`;

/** Everything on a host that people and programs can read. */
async function assertNothingSaid(host: Host): Promise<void> {
  const texts = await Promise.all([
    host.rune("get", "services", "-o", "yaml"),
    host.rune("get", "instances", "-o", "yaml"),
    host.rune("get", "secrets", "-A", "-o", "yaml"),
    host.rune("describe", "service", "web"),
    host.rune("events"),
    host.rune("logs", "web"),
    Deno.readTextFile(`${host.home}/daemon.log`),
  ]);
  for (const value of VALUES) assert.ok(!texts.some((text) => text.includes(value)), value);
}

/** Stops the daemon in the middle of its work, looks at every file that it left, and restarts it. */
async function assertNothingOnDisk(host: Host): Promise<void> {
  await host.daemon.stop("SIGKILL");
  for (const value of VALUES) {
    assert.deepEqual(await findFilesWith(host.dataDir, value), []);
    assert.deepEqual(await argumentsWith(value), []);
  }
  await host.restart();
}

for (const { kind, ignore, dir, cast } of RUNNER_KINDS) {
  Deno.test({
    name:
      `a ${kind} gets secrets as variables and files, as do its steps and exec; no file on disk holds a value`,
    ignore,
    async fn() {
      if (kind === "container") await ensureTestImage();
      await using host = await startHost();
      const at = dir(host);
      const shell = (script: string) => host.rune("exec", "web", "--", "sh", "-c", script);
      const says = (message: RegExp) =>
        until(`the service says ${message}`, async () => {
          const { status } = await host.get("service", "web");
          return status.reason === "ConfigMissing" && message.test(status.message) && status;
        });

      // The message names exactly what is missing, and the service starts by itself once it exists.
      await host.rune("cast", await host.file("web.yaml", cast(FIELDS(at))), "--no-wait");
      const { message } = await says(/secret default\/db does not exist; cast it/);
      assert.match(message, /secret shared\/api does not exist; cast it/);
      await host.rune("create", "secret", "db", "--from-literal", "other=x");
      await says(/secret default\/db has no key "password" \(it has: other\); add it/);
      await host.rune("cast", await host.file("secrets.yaml", secrets(FIRST)));
      assert.deepEqual(await findFilesWith(host.home, FIRST.password), [`${host.home}/secrets.yaml`]);
      await until("it starts", async () => (await host.get("service", "web")).status.state === "Running");

      assert.equal(await shell(show(at)), await expectOutput(FIRST));
      assert.equal(await host.rune("logs", "web", "--init-step", "look"), await expectOutput(FIRST));
      assert.equal(await shell(`stat -c '%a %u %g' ${at}/all/password`), "400 0 0\n");
      assert.equal(await shell(`stat -c '%a %u %g' ${at}/some/conf.d/token`), "640 1234 4321\n");
      assert.equal(
        await shell(`ls ${at}/all ${at}/some`),
        `${at}/all:\nEXPLICIT\npassword\nsome.conf\n\n${at}/some:\nconf.d\n`,
      );
      assert.notEqual((await host.run(["exec", "web", "--", "sh", "-c", `echo x > ${at}/all/new`])).code, 0);

      // In memory, in a directory closed to others.
      const before = await host.get("instance", "web-0");
      const files = `${host.dataDir}/runs/${before.uid}-${before.status.run}`;
      assert.deepEqual(await mountsBelow(host.dataDir), [{ path: files, type: "tmpfs" }]);
      assert.equal((await Deno.stat(files)).mode! & 0o777, 0o700);

      await assertNothingSaid(host);
      await assertNothingOnDisk(host);
      assert.equal((await host.get("instance", "web-0")).status.handle, before.status.handle);
      assert.equal(
        await shell(show(at)),
        await expectOutput(FIRST),
        "it goes on, and exec sees what it sees",
      );

      // A new value restarts nothing; a restart applies it, also to the steps.
      await host.rune("cast", await host.file("secrets.yaml", secrets(SECOND)));
      assert.equal(await shell(show(at)), await expectOutput(FIRST));
      await host.rune("restart", "web");
      assert.equal(await shell(show(at)), await expectOutput(SECOND));
      assert.equal(await host.rune("logs", "web", "--init-step", "look"), await expectOutput(SECOND));
      const after = await host.get("instance", "web-0");
      assert.deepEqual(await mountsBelow(host.dataDir), [
        { path: `${host.dataDir}/runs/${after.uid}-${after.status.run}`, type: "tmpfs" },
      ]);
      await assertNothingSaid(host);

      await host.rune("delete", "web", "--yes");
      assert.deepEqual(await mountsBelow(host.dataDir), []);
      assert.deepEqual(await Array.fromAsync(Deno.readDir(`${host.dataDir}/runs`)), []);
      await assertNothingOnDisk(host);
    },
  });
}

const MOUNT = (dir: string) => `  secretMounts: [{ secretName: db, mountPath: ${dir} }]\n`;
const SECRET = `secret: { name: db, data: { password: ${FIRST.password} } }\n---\n`;

Deno.test({
  name: "the next daemon unmounts and removes files of secrets that a killed one left",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const names = ["a", "b", "c", "d"];
    const services = names.map((name) => processService(name, MOUNT(`${host.home}/view-${name}`)));
    await host.rune("cast", await host.file("all.yaml", SECRET + services.join("---\n")));
    assert.equal((await mountsBelow(host.dataDir)).length, names.length);

    // Killed while it removes three of them, with a leftover of an unknown run.
    const [kept, ...going] = names;
    await Promise.all(going.map((name) => host.rune("delete", name, "--yes", "--no-wait")));
    await host.daemon.stop("SIGKILL");
    const stray = `${host.dataDir}/runs/${crypto.randomUUID()}-3`;
    await Deno.mkdir(stray);
    const { success } = await new Deno.Command("mount", { args: ["-t", "tmpfs", "rune", stray] }).output();
    assert.ok(success);
    await Deno.writeTextFile(`${stray}/password`, FIRST.password);
    await host.restart();

    await until("only the live run's are left", async () => (await mountsBelow(host.dataDir)).length === 1);
    const { uid, status } = await host.get("instance", `${kept}-0`);
    const left = await Array.fromAsync(Deno.readDir(`${host.dataDir}/runs`));
    assert.deepEqual(left.map((entry) => entry.name), [`${uid}-${status.run}`]);
    assert.equal(
      await host.rune("exec", kept!, "--", "cat", `${host.home}/view-${kept}/password`),
      FIRST.password,
    );
  },
});

for (const { kind, ignore, dir, cast } of RUNNER_KINDS) {
  Deno.test({
    name: `a ${kind} whose launch a SIGKILL cut short starts with its secrets all the same`,
    ignore,
    async fn() {
      if (kind === "container") await ensureTestImage();
      await using host = await startHost();
      const at = dir(host);
      await host.rune("cast", await host.file("secrets.yaml", secrets(FIRST)));
      const web = cast(FIELDS(at));
      for (const delay of [0, 120]) {
        await host.rune("cast", await host.file("web.yaml", web), "--no-wait");
        await sleep(delay);
        await assertNothingOnDisk(host);
        await until(
          "it starts",
          async () => (await host.get("service", "web")).status.state === "Running",
        );
        assert.equal(await host.rune("exec", "web", "--", "sh", "-c", show(at)), await expectOutput(FIRST));
        assert.equal((await mountsBelow(host.dataDir)).length, 1);
        await host.rune("delete", "web", "--yes");
      }
    },
  });
}

Deno.test({
  name: "a process that runs as a named user can read its secrets, and nobody else's processes can",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    await Deno.chmod(host.home, 0o755);
    const view = `${host.home}/view`;
    const fields = `  securityContext: { user: nobody }\n${MOUNT(view)}`;
    await host.rune("cast", await host.file("a.yaml", SECRET + processService("a", fields)));
    assert.equal(await host.rune("exec", "a", "--", "cat", `${view}/password`), FIRST.password);
    assert.match(
      await host.rune("exec", "a", "--", "stat", "-c", "%a %U", `${view}/password`),
      /^400 nobody/,
    );
    const { path } = (await mountsBelow(host.dataDir))[0]!;
    const asOther = new Deno.Command("setpriv", {
      args: ["--reuid=65534", "--regid=65534", "--clear-groups", "cat", `${path}/0/password`],
    });
    assert.equal((await asOther.output()).code, 1);
  },
});

Deno.test({
  name: "startHost() leaves no mount behind",
  ignore: noRoot,
  async fn() {
    let home: string;
    {
      await using host = await startHost();
      home = host.home;
      await host.rune("cast", await host.file("a.yaml", SECRET + processService("a", MOUNT(`${home}/view`))));
      assert.equal((await mountsBelow(home)).length, 1);
    }
    assert.deepEqual(await mountsBelow(home), []);
    await assert.rejects(Deno.stat(home), Deno.errors.NotFound);
  },
});
