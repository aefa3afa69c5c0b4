/**
 * Tests the loss of a daemon's keys: the key that encrypts its secrets, and the token of its root user.
 * @module
 */
import assert from "node:assert/strict";
import { RUNE } from "../scripts/daemon.ts";
import { capture } from "../scripts/command.ts";
import { processService, SLEEP } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

Deno.test({
  name:
    "a missing, damaged or wrong key file is refused with the reason, is not replaced by a new key, and can be restored from a backup",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const text = "secret: { name: db, data: { password: open-sesame } }\n---\n" +
      processService("agent", '  env: { P: "{{ secret:db/password }}" }\n', `echo "said $P"; ${SLEEP}`);
    await host.rune("cast", await host.file("c.yaml", text));
    const backup = `${host.home}/b.tgz`;
    await host.rune("admin", "backup", "--out", backup, "--with-kek");
    await host.daemon.stop();
    const kek = `${host.dataDir}/kek`;
    const whole = await Deno.readTextFile(kek);
    const losses: [reason: RegExp, lose: () => Promise<void>][] = [
      [/the key encryption key .*kek is missing/, () => Deno.remove(kek)],
      [
        /kek is not a key encryption key: expected 32 bytes/,
        () => Deno.writeTextFile(kek, whole.slice(0, 20), { mode: 0o600 }),
      ],
      [/kek is not the key .* used with/, () => Deno.writeTextFile(kek, `${btoa("x".repeat(32))}\n`)],
      [/other users can read the key/, () => Deno.chmod(kek, 0o644)],
    ];
    for (const [reason, lose] of losses) {
      await lose();
      const before = await Deno.readTextFile(kek).catch(() => undefined);
      const serve = ["serve", "--data-dir", host.dataDir, "--http-addr", "127.0.0.1:0"];
      const { code, stderr } = await capture([...RUNE, ...serve]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, reason);
      assert.match(stderr, /\nhint: (restore .*from its backup|run: chmod 600)/);
      assert.equal(await Deno.readTextFile(kek).catch(() => undefined), before);
    }
    // An operator who kept the backup does this: the key is a file in it.
    await Deno.remove(kek);
    assert.equal((await capture(["tar", "-xzf", backup, "-C", host.dataDir, "kek"])).code, 0);
    await host.restart();
    await host.rune("restart", "agent");
    await until(
      "the secret is read again",
      async () => (await host.rune("logs", "agent")).includes("said open-sesame"),
    );
    await host.rune("delete", "service", "agent", "--yes");
  },
});

const lists = async (host: Host, token: string) =>
  (await host.run(["get", "services", "--token-file", token])).code === 0;

Deno.test({
  name:
    "root's token is lost: another admin makes one, or bootstrap once no token is live, or a start without auth",
  ignore: noRoot,
  async fn() {
    const guarded = "auth: { enabled: true }\n";
    await using host = await startHost({ runefile: guarded });
    const file = (name: string) => `${host.home}/${name}.token`;
    await host.rune("admin", "bootstrap", "--out-file", file("first"));
    await host.rune("admin", "user", "create", "boss", "--policy", "root", "--token-file", file("first"));
    await host.rune(
      "admin",
      "token",
      "create",
      "boss",
      "--out-file",
      file("boss"),
      "--token-file",
      file("first"),
    );
    const idOf = async (name: string) => (await Deno.readTextFile(file(name))).slice(5, 21);

    const refused = await host.run(["admin", "bootstrap"]);
    assert.equal(refused.code, 5);
    assert.match(refused.stderr, /has already been bootstrapped\nhint: .*auth\.enabled: false on loopback/);
    await host.rune(
      "admin",
      "token",
      "create",
      "root",
      "--out-file",
      file("second"),
      "--token-file",
      file("boss"),
    );
    assert.ok(await lists(host, file("second")));

    for (const [name, by] of [["first", "boss"], ["boss", "second"], ["second", "second"]] as const) {
      await host.rune("admin", "token", "revoke", await idOf(name), "--token-file", file(by));
    }
    await host.rune("admin", "bootstrap", "--out-file", file("third"));
    assert.ok(await lists(host, file("third")));

    await host.daemon.stop();
    await Deno.writeTextFile(`${host.home}/runefile.yaml`, "auth: { enabled: false }\n");
    await host.restart();
    await host.rune("admin", "token", "create", "root", "--out-file", file("fourth"));
    await host.rune("admin", "token", "revoke", await idOf("third"));
    await host.daemon.stop();
    await Deno.writeTextFile(`${host.home}/runefile.yaml`, guarded);
    await host.restart();
    assert.ok(await lists(host, file("fourth")));
    assert.equal(await lists(host, file("third")), false);
  },
});
