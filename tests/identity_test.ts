/** Tests with tokens, secrets and certificates that nobody gets in and nothing leaks. @module */
import { sleep } from "../base/delay.ts";
import assert from "node:assert/strict";
import { RUNE } from "../scripts/daemon.ts";
import { processService } from "./castfiles.ts";
import { makeAuthority } from "./certificates.ts";
import { type Host, startHost, until } from "./host.ts";
import { findFilesWith } from "./raw_files.ts";
import { noRoot } from "./skips.ts";

const GUARDED = { runefile: "auth: { enabled: true }\n" };
const VALUE = "hunter2-and-then-some";

/** The first token, stored in the host's file of contexts. */
async function logIn(host: Host): Promise<string> {
  const file = `${host.home}/root.token`;
  await host.rune("admin", "bootstrap", "--out-file", file);
  await host.rune("login", "local", "--token-file", file);
  return (await Deno.readTextFile(file)).trim();
}

Deno.test({
  name: "from bootstrap to a revoked token: files are private, roles apply, an open watch ends",
  ignore: noRoot,
  async fn() {
    await using host = await startHost(GUARDED);
    const fails = async (code: number, message: RegExp, ...args: string[]) => {
      const result = await host.run(args);
      assert.equal(result.code, code, `${args.join(" ")}: ${result.stderr}`);
      assert.match(result.stderr, message);
    };
    await fails(3, /hint: .*admin bootstrap/, "get", "services");
    const root = await logIn(host);
    await fails(5, /has already been bootstrapped/, "admin", "bootstrap");
    const config = `${host.home}/config.yaml`;
    for (const file of [config, `${host.home}/root.token`]) {
      assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
    }
    assert.match(await host.rune("whoami"), /USER: +root[^]*CONTEXT: +local/);
    assert.equal((await host.rune("context", "view")).includes(root), false);

    await host.rune("admin", "service", "create", "ci", "-n", "prod", "--policy", "cast");
    const token = (await host.rune("admin", "token", "create", "ci", "--expires-in", "1h")).trim();
    const login = await host.run(["login", "ci", "--server", host.daemon.url, "--token-stdin"], {
      stdin: `${token}\n`,
    });
    assert.equal(login.code, 0, login.stderr);
    const castfile = await host.file("c.yaml", "configmap: { name: c, data: { a: b } }\n");
    assert.match(await host.rune("cast", castfile, "-n", "prod"), /configmap prod\/c created/);
    await fails(3, /ci may not create configmaps in namespace default/, "cast", castfile, "-n", "default");
    await fails(3, /ci may not delete configmaps/, "delete", "configmap", "c", "-n", "prod", "--yes");
    await fails(3, /ci may not list users/, "admin", "user", "list");

    const watching = host.run(["get", "configmaps", "-n", "prod", "--watch", "--context", "ci"]);
    await host.rune("context", "use", "local");
    await until("the watch is open", async () => {
      const text = await host.rune("admin", "audit", "--user", "ci");
      return text.includes("denied");
    });
    await host.rune("admin", "token", "revoke", token.slice(5, 21));
    const ended = await watching;
    assert.deepEqual([ended.code, /revoked|not valid/.test(ended.stderr)], [3, true], ended.stderr);
    await fails(3, /unknown, revoked or expired/, "get", "configmaps", "-n", "prod", "--context", "ci");
    assert.match(await host.rune("admin", "audit", "--denied", "--user", "ci"), /permission_denied/);

    assert.match(
      await host.rune("admin", "user", "create", "alice"),
      /^user alice created without a policy: it may do nothing until you run rune admin user grant alice --policy <policy>\n$/,
    );
    const shown = await host.rune("admin", "policy", "get", "readonly");
    const copy = await host.file("p.yaml", shown.replace("name: readonly", "name: onlooker"));
    assert.match(
      await host.rune("admin", "policy", "create", "-f", copy),
      /^policy onlooker created \(\d+ rules\)\n$/,
    );
    await fails(
      5,
      /policy onlooker exists already\nhint: .*policy set onlooker/,
      "admin",
      "policy",
      "create",
      "-f",
      copy,
    );
    const rules = (text: string) => text.slice(text.indexOf("rules:"));
    assert.equal(rules(await host.rune("admin", "policy", "get", "onlooker")), rules(shown));
    assert.match(await host.rune("admin", "policy", "set", "-f", copy), /^policy onlooker set /);
    await host.rune("admin", "user", "grant", "alice", "--policy", "onlooker");

    await host.rune("cast", await host.file("s.yaml", processService("agent")));
    await host.rune("admin", "user", "create", "boss", "--policy", "admin");
    const bossFile = `${host.home}/boss.token`;
    await host.rune("admin", "token", "create", "boss", "--out-file", bossFile);
    const inside = host.run(["exec", "agent", "--token-file", bossFile, "--no-stdin", "--", "sleep", "600"]);
    await until(
      "the exec is open",
      async () => (await host.rune("admin", "audit", "--user", "boss")).includes("/exec"),
    );
    await host.rune("admin", "user", "delete", "boss");
    const cut = await inside;
    assert.equal(cut.code, 3, cut.stderr);
    assert.match(cut.stderr, /revoked|were changed/);
    await host.rune("logout");
    await fails(3, /requires a token/, "get", "services");
    assert.deepEqual(await findFilesWith(host.dataDir, root), []);
    assert.deepEqual(await findFilesWith(host.dataDir, token), []);
    assert.equal((await Deno.readTextFile(`${host.home}/daemon.log`)).includes(root.split(".")[1]!), false);
  },
});

Deno.test("plain text beyond loopback is warned about in the log, rune status and rune whoami, tokens or not", async () => {
  const server = 'server: { grpc-addr: "0.0.0.0:0" }\n';
  const warning =
    /PLAIN TEXT on 0\.0\.0\.0, port 0: anyone who can listen .*set auth\.tls, or listen on 127\.0\.0\.1/;
  await using host = await startHost({ runefile: `${server}${GUARDED.runefile}` });
  await logIn(host);
  assert.match(await host.rune("status"), warning);
  const { code, stderr } = await host.run(["whoami"]);
  assert.equal(code, 0);
  assert.match(stderr, warning);
  assert.match(await Deno.readTextFile(`${host.home}/daemon.log`), warning);
});

Deno.test({
  name: "a secret reaches the process and exec, and no file of the data directory; a missing key is named",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    await host.file("password", VALUE);
    await host.rune("create", "secret", "db", "--from-file", `password=${host.home}/password`);
    const service = (key: string) =>
      processService("agent", `  env: { URL: "db:{{ secret:db/${key} }}@h" }\n`);
    const cast = await host.rune("cast", await host.file("s.yaml", service("password")));
    assert.match(cast, /service default\/agent/);
    assert.equal(await host.rune("exec", "agent", "--", "printenv", "URL"), `db:${VALUE}@h\n`);
    const { status } = (await host.get("instances")).items[0];
    assert.equal((await Deno.readTextFile(`/proc/${status.pid}/cmdline`)).includes(VALUE), false);
    await host.daemon.stop("SIGKILL");
    assert.deepEqual(await findFilesWith(host.dataDir, VALUE), []);
    await host.restart();
    assert.equal(await host.rune("exec", "agent", "--", "printenv", "URL"), `db:${VALUE}@h\n`);
    for (
      const args of [["get", "secret", "db", "-o", "json"], ["describe", "secret", "db"], ["events"], [
        "get",
        "instances",
        "-o",
        "yaml",
      ]]
    ) {
      assert.equal((await host.rune(...args)).includes(VALUE), false, args.join(" "));
    }
    const changed = await host.file("d.yaml", `secret: { name: db, data: { password: ${VALUE}-new } }\n`);
    assert.equal((await host.run(["diff", changed])).stdout.includes("hunter2"), false);
    const missing = await host.run(["cast", await host.file("s.yaml", service("nope")), "--timeout", "5s"]);
    assert.match(
      missing.stderr + missing.stdout,
      /ConfigMissing.*secret default\/db has no key "nope"/,
    );
    assert.equal((await Deno.readTextFile(`${host.home}/daemon.log`)).includes("hunter2"), false);
  },
});

Deno.test({
  name: "rotate-kek survives SIGKILL at any moment, and the old key opens nothing afterwards",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const secrets = Array.from(
      { length: 150 },
      (_, i) => `  - { name: s${i}, data: { key: "${VALUE}-${i}" } }\n`,
    );
    const castfile = await host.file("s.yaml", `secrets:\n${secrets.join("")}`);
    await host.rune("cast", castfile);
    const kek = `${host.dataDir}/kek`;
    const old = await Deno.readTextFile(kek);
    for (const delay of [5, 25, 60]) {
      const rotating = fetch(`${host.daemon.url}/v1/admin/rotate-kek`, { method: "POST" })
        .then((answer) => answer.body?.cancel()).catch(() => {});
      await sleep(delay);
      await host.daemon.stop("SIGKILL");
      await rotating;
      await host.restart();
      // Unchanged: every one of them was decrypted and compared.
      assert.equal(
        (await host.rune("cast", castfile)).match(/unchanged/g)?.length,
        150,
        `killed after ${delay} ms`,
      );
      await assert.rejects(Deno.stat(`${kek}.next`), Deno.errors.NotFound);
    }
    await host.rune("admin", "rotate-kek");
    await host.daemon.stop();
    const now = await Deno.readTextFile(kek);
    assert.notEqual(now, old);
    await Deno.writeTextFile(kek, old);
    await assert.rejects(host.restart(), /not the key encryption key[^]*restore the right one/);
    await Deno.remove(kek);
    await assert.rejects(host.restart(), /kek is missing[^]*restore/);
    await Deno.writeTextFile(kek, now, { mode: 0o600 });
    await host.restart();
    assert.equal((await host.rune("cast", castfile)).match(/unchanged/g)?.length, 150);
  },
});

Deno.test({
  name: "TLS: the client trusts only --tls-ca, SIGHUP loads a new certificate, a running exec continues",
  ignore: noRoot,
  async fn() {
    const dir = await Deno.makeTempDir({ prefix: "rune-test-tls-" });
    const authority = await makeAuthority(dir);
    const files = { cert: `${dir}/cert.pem`, key: `${dir}/key.pem` };
    await authority.issue(files, "first");
    const port = (() => {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      return listener.addr.port;
    })();
    await Deno.writeTextFile(
      `${dir}/runefile.yaml`,
      `auth: { tls: { cert: ${files.cert}, key: ${files.key} } }\n`,
    );
    const env = {
      RUNE_SERVER: `https://localhost:${port}`,
      RUNE_CONFIG: `${dir}/config.yaml`,
      NO_COLOR: "1",
    };
    const spawn = (args: string[], stdin: "null" | "piped" = "null") =>
      new Deno.Command(RUNE[0]!, {
        args: [...RUNE.slice(1), ...args],
        env,
        stdin,
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await spawn(args).output();
      return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
    };
    const daemon = spawn([
      "serve",
      "--config",
      `${dir}/runefile.yaml`,
      "--data-dir",
      `${dir}/data`,
      "--http-addr",
      `127.0.0.1:${port}`,
    ]);
    let log = "";
    const logged = (async () => {
      for await (const text of daemon.stdout.pipeThrough(new TextDecoderStream())) log += text;
    })();
    try {
      await until(
        "the daemon listens",
        () => Promise.resolve(log.includes(`listens on https://127.0.0.1:${port}`)),
      );
      const untrusted = await run("admin", "bootstrap");
      assert.match(untrusted.text, /certificate of .* is not trusted \(UnknownIssuer\)[^]*--tls-ca/);
      await run("admin", "bootstrap", "--tls-ca", authority.ca, "--out-file", `${dir}/token`);
      const login = await run("login", "tls", "--tls-ca", authority.ca, "--token-file", `${dir}/token`);
      assert.equal(login.code, 0, login.text);
      await Deno.writeTextFile(`${dir}/s.yaml`, processService("agent"));
      assert.equal((await run("cast", `${dir}/s.yaml`)).code, 0);
      const exec = spawn(["exec", "agent", "--", "cat"], "piped");
      const input = exec.stdin.getWriter();
      const output = exec.stdout.pipeThrough(new TextDecoderStream()).getReader();
      await input.write(new TextEncoder().encode("before\n"));
      assert.equal((await output.read()).value, "before\n");
      await authority.issue(files, "second");
      daemon.kill("SIGHUP");
      await until("it was read", () => Promise.resolve(log.includes("read the certificate again")));
      await input.write(new TextEncoder().encode("after\n"));
      assert.equal((await output.read()).value, "after\n");
      await input.close();
      assert.equal((await exec.status).code, 0);
      await output.cancel();
      await exec.stderr.cancel();
      await Deno.writeTextFile(files.cert, "nonsense");
      daemon.kill("SIGHUP");
      await until(
        "it was refused",
        () => Promise.resolve(log.includes("nothing was reloaded")),
      );
      assert.equal((await run("delete", "agent", "--yes")).code, 0);
    } finally {
      daemon.kill("SIGTERM");
      const { code } = await daemon.status;
      await logged;
      const errors = await new Response(daemon.stderr).text();
      assert.equal(code, 0, log + errors);
      await Deno.remove(dir, { recursive: true });
    }
  },
});
