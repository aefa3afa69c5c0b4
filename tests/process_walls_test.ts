/**
 * Tests with the real program that a service account with the policy `cast` in one namespace cannot become
 * root through a process service.
 * @module
 */
import assert from "node:assert/strict";
import { type Host, startHost, until } from "./host.ts";
import { noRoot } from "./skips.ts";

const GUARDED = { runefile: "auth: { enabled: true }\n" };

/** A host on which `ci` may cast in the namespace `shop`, and nothing else. */
async function shop(): Promise<Host & { ci(...args: string[]): ReturnType<Host["run"]> }> {
  const host = await startHost(GUARDED);
  const [root, ci] = ["root", "ci"].map((name) => `${host.home}/${name}.token`);
  await host.rune("admin", "bootstrap", "--out-file", root!);
  await host.rune("login", "local", "--token-file", root!);
  await host.rune("admin", "service", "create", "ci", "-n", "shop", "--policy", "cast");
  await host.rune("admin", "token", "create", "ci", "--out-file", ci!);
  return Object.assign(host, {
    ci: (...args: string[]) => host.run([...args, "-n", "shop", "--token-file", ci!]),
  });
}

const service = (more: string, process = "command: sleep, args: ['600']") =>
  `service:\n  name: agent\n  process: { ${process} }\n  securityContext: { user: dynamic }\n  stopTimeout: 1s\n${more}`;

Deno.test({
  name:
    "a process service mounts nothing over the host's programs, makes no setuid file, and says where mounts may be",
  ignore: noRoot,
  async fn() {
    await using host = await shop();
    const evil = `configmap:\n  name: evil\n  data: { mount: "#!/bin/sh", setpriv: "#!/bin/sh" }\n---\n`;
    const assertRefused = async (mount: string, says: RegExp) => {
      const file = await host.file("evil.yaml", `${evil}${service(`  configMounts: [${mount}]\n`)}`);
      const { code, stderr } = await host.ci("cast", file);
      assert.equal(code, 6, stderr);
      assert.match(stderr, says);
    };
    for (
      const path of [
        ...["/usr/bin", "/bin", "/lib/x86_64-linux-gnu", "/etc/pam.d", host.dataDir, "/var/lib"],
        ...["/etc/nologin", "/run/nologin", "/forcefsck"],
      ]
    ) {
      await assertRefused(
        `{ configName: evil, mountPath: ${path}, mode: "0755" }`,
        /mount it at or below \/data/,
      );
    }
    const mode = /no setuid, setgid or sticky bit/;
    await assertRefused(`{ configName: evil, mountPath: /srv/rune-test-evil, user: 0, mode: "4755" }`, mode);
    assert.equal((await host.run(["get", "services", "-n", "shop", "-o", "name"])).stdout, "");
  },
});

Deno.test({
  name: "variables, mounts, steps and exec of a process service reach no program of root",
  ignore: noRoot,
  async fn() {
    await using host = await shop();
    const traps = await Deno.makeTempDir({ prefix: "rune-test-traps-" });
    const target = `/srv/rune-test-${crypto.randomUUID()}`;
    try {
      await Deno.chmod(traps, 0o1777);
      const env = `{ LD_DEBUG: libs, LD_DEBUG_OUTPUT: "${traps}/made", LD_PRELOAD: "${traps}/none.so", ` +
        `GCONV_PATH: "${traps}", BASH_ENV: "${traps}/note", ENV: "${traps}/note", SHELL: "${traps}/sh" }`;
      const note = `: > ${traps}/made.$$\n`;
      await Deno.writeTextFile(`${traps}/note`, note);
      for (const name of ["sh", "mount", "setpriv", "nsenter", "script", "stty"]) {
        await Deno.writeTextFile(`${traps}/${name}`, `#!/bin/sh\n${note}`);
        await Deno.chmod(`${traps}/${name}`, 0o755);
      }
      const more = `  env: ${env}\n  configMounts: [{ configName: conf, mountPath: ${target} }]\n` +
        `  initSteps: [{ name: look, command: [/bin/cat, /proc/self/status], env: { PATH: "${traps}:/usr/bin:/bin" } }]\n`;
      const conf = "configmap:\n  name: conf\n  data: { a: b }\n---\n";
      const file = await host.file("traps.yaml", conf + service(more, "command: /bin/sleep, args: ['600']"));
      const { code, stderr } = await host.ci("cast", file);
      assert.equal(code, 0, stderr);
      const listMade = async () => {
        const names = (await Array.fromAsync(Deno.readDir(traps))).map(({ name }) => name)
          .filter((name) => name.startsWith("made"));
        return names.map((name) => Deno.statSync(`${traps}/${name}`).uid!);
      };
      await until("the step and the main process have loaded", async () => (await listMade()).length >= 2);
      await until(
        "it runs",
        async () => (await host.get("service", "agent", "-n", "shop")).status.ready === 1,
      );
      const before = (await listMade()).length;
      const status = await host.run(["exec", "agent", "-n", "shop", "--", "/bin/cat", "/proc/self/status"]);
      assert.equal(status.code, 0, status.stderr);
      const uid = Number(/^Uid:\t(\d+)\t\1\t\1\t\1$/m.exec(status.stdout)![1]);
      assert.ok(uid > 0);
      assert.match(status.stdout, /^NoNewPrivs:\t1$/m);
      assert.match(status.stdout, /^CapEff:\t0{16}$/m);
      assert.match(status.stdout, /^Groups:\t *$/m);
      assert.ok(
        (await listMade()).length > before,
        "the command was to leave a file too, as does every program so called",
      );
      assert.deepEqual([...new Set(await listMade())], [uid]);
    } finally {
      await host.run(["delete", "agent", "-n", "shop", "--yes"]);
      await Deno.remove(traps, { recursive: true });
      await Deno.remove(target).catch(() => {});
    }
  },
});
