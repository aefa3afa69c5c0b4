/** Images from a private registry: a real one, with passwords, on loopback. @module */
import assert from "node:assert/strict";
import { authHeader } from "../runners/docker/registry_auth.ts";
import { createEngine } from "../runners/docker/engine.ts";
import { ensureTestImage, TEST_IMAGE, TEST_SOCKET } from "../runners/docker/test_image.ts";
import { findProgram } from "../scripts/command.ts";
import { SLEEP } from "./castfiles.ts";
import { startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const USER = "rune-test";
const PASSWORD = "correct horse";
const MIB = 1 << 20;
const noRegistry = findProgram("docker-registry") === undefined || findProgram("htpasswd") === undefined;

/** A registry that asks for a password, and the Engine's way into it. */
async function openRegistry() {
  const dir = await Deno.makeTempDir({ prefix: "rune-registry-" });
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr;
  probe.close();
  const hashed = await new Deno.Command("htpasswd", { args: ["-Bbn", USER, PASSWORD] }).output();
  await Deno.writeFile(`${dir}/htpasswd`, hashed.stdout);
  await Deno.writeTextFile(
    `${dir}/config.yml`,
    `version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: ${dir}/data } }\n` +
      `http: { addr: "127.0.0.1:${port}" }\nauth: { htpasswd: { realm: test, path: ${dir}/htpasswd } }\n`,
  );
  const child = new Deno.Command("docker-registry", {
    args: ["serve", `${dir}/config.yml`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const host = `127.0.0.1:${port}`;
  const images: string[] = [];
  const engine = createEngine(TEST_SOCKET);
  const signal = AbortSignal.timeout(120_000);
  const what = "prepare a registry";
  await until("the registry answers", async () => {
    const response = await fetch(`http://${host}/v2/`);
    await response.body?.cancel();
    return response.status === 401;
  });
  return {
    host,
    /** Makes an image of some megabytes that nobody else has, and leaves it in the registry alone. */
    async push(repository: string): Promise<string> {
      const image = `${host}/${repository}:1`;
      images.push(image);
      const build = await Deno.makeTempDir({ dir });
      const noise = new Uint8Array(24 * MIB);
      for (let at = 0; at < noise.length; at += 65_536) {
        crypto.getRandomValues(noise.subarray(at, at + 65_536));
      }
      await Deno.writeFile(`${build}/noise`, noise);
      await Deno.writeTextFile(`${build}/Dockerfile`, `FROM ${TEST_IMAGE}\nCOPY noise /noise\n`);
      const { stdout } = await new Deno.Command("tar", { args: ["-C", build, "-cf", "-", "."] }).output();
      const built = await engine.request("/build", {
        what,
        method: "POST",
        query: { t: image, rm: "1" },
        body: stdout,
        signal,
      });
      assert.doesNotMatch(await built.text(), /errorDetail/);
      const auth = authHeader({ server: host, username: USER, password: PASSWORD });
      const pushed = await engine.request(`/images/${host}/${repository}/push`, {
        what,
        method: "POST",
        query: { tag: "1" },
        headers: { "x-registry-auth": auth },
        signal,
      });
      assert.doesNotMatch(await pushed.text(), /errorDetail/);
      await engine.send(`/images/${image}`, { what, method: "DELETE", query: { force: "1" }, signal });
      return image;
    },
    async [Symbol.asyncDispose]() {
      for (const image of images) {
        await engine.send(`/images/${image}`, { what, method: "DELETE", query: { force: "1" }, signal })
          .catch(() => {});
      }
      engine.close();
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(dir, { recursive: true });
    },
  };
}

Deno.test({
  name:
    "docker.registries: the longest pattern's credentials pull a private image; without them the registry's sentence is the reason",
  ignore: noDocker || noRoot || noRegistry,
  async fn() {
    await ensureTestImage();
    await using registry = await openRegistry();
    const image = await registry.push("team/app");
    const other = `${registry.host}/other/app:1`;
    await using host = await startHost({
      runefile:
        `docker:\n  registries:\n    - { match: "${registry.host}", username: ${USER}, password: wrong }\n` +
        `    - { name: "${registry.host}/team/*", username: ${USER}, password: ${PASSWORD} }\n`,
    });
    const service = (name: string, from: string) =>
      `service:\n  name: ${name}\n  image: ${from}\n  stopTimeout: 1s\n  command: ${
        JSON.stringify(["/bin/sh", "-c", SLEEP])
      }\n`;
    const { code, stderr } = await host.run(["cast", await host.file("web.yaml", service("web", image))]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /pulling image \S+: [\d.]+\w* of \d/, "cast tells how far the pull is");

    await host.rune("cast", "--no-wait", await host.file("other.yaml", service("other", other)));
    const status = await until("the pull is refused", async () => {
      const { status } = await host.get("service", "other");
      return status.reason === "ImageUnreachable" && status;
    });
    assert.match(status.message, /cannot pull image .*(unauthorized|no basic auth|access)/i);
    assert.match(status.message, /credentials of docker\.registries/);
    assert.doesNotMatch(JSON.stringify(await host.get("events")), /wrong|correct horse/);
    await host.rune("delete", "web", "--yes");
    await host.rune("delete", "other", "--yes");
  },
});

Deno.test({
  name:
    "rune admin registry: a stored entry wins over the runefile's, its secret's rotation reaches the next pull, and no value is shown",
  ignore: noDocker || noRoot || noRegistry,
  async fn() {
    await ensureTestImage();
    await using registry = await openRegistry();
    const image = await registry.push("team/app");
    const pattern = `${registry.host}/team/*`;
    await using host = await startHost({
      runefile:
        `docker:\n  registries:\n    - { match: "${pattern}", username: ${USER}, password: ${PASSWORD} }\n`,
    });
    const setSecret = async (password: string) => {
      const data = `username: ${USER}, password: ${password}`;
      await host.rune("cast", await host.file("pull.yaml", `secret: { name: pull, data: { ${data} } }\n`));
    };
    const early = await host.run(["admin", "registry", "set", pattern, "--secret", "pull"]);
    assert.equal(early.code, 4, early.stderr);
    assert.match(early.stderr, /no secret default\/pull/);
    await setSecret("outdated");
    assert.equal(
      await host.rune("admin", "registry", "set", pattern, "--secret", "pull"),
      `registry ${pattern} set (secret default/pull)\n`,
    );
    const list = await host.rune("admin", "registry", "list");
    assert.match(list, /stored +secret default\/pull\n.*runefile +basic\n/);

    const command = JSON.stringify(["/bin/sh", "-c", SLEEP]);
    const castfile = await host.file(
      "app.yaml",
      `service:\n  name: app\n  image: ${image}\n  imagePull: always\n  stopTimeout: 1s\n  command: ${command}\n`,
    );
    await host.rune("cast", "--no-wait", castfile);
    const refused = (entry: RegExp) =>
      until("the pull is refused", async () => {
        const { reason, message } = (await host.get("service", "app")).status;
        return reason === "ImageUnreachable" && entry.test(message);
      });
    await refused(/credentials of rune admin registry "/);
    await setSecret(PASSWORD);
    const runs = async () => (await host.get("service", "app")).status.state === "Running";
    await until("the rotated password pulls the image", runs);

    // An entry's own credentials, and the runefile's again once it is gone.
    const wrong = await host.run(
      ["admin", "registry", "set", pattern, "--username", USER, "--password-stdin"],
      { stdin: "battery staple\n" },
    );
    assert.equal(wrong.code, 0, wrong.stderr);
    await host.daemon.stop();
    await host.restart();
    assert.match(await host.rune("admin", "registry", "list"), /stored +basic\n/);
    await host.rune("delete", "app", "--yes");
    await host.rune("cast", "--no-wait", castfile);
    await refused(/credentials of rune admin registry "/);
    await host.rune("admin", "registry", "delete", pattern);
    await until("the runefile's password pulls the image", runs);
    const shown = JSON.stringify([
      await host.get("events"),
      await host.rune("admin", "registry", "list", "-o", "json"),
      await host.rune("admin", "audit", "-o", "json"),
    ]);
    assert.doesNotMatch(shown, /outdated|correct horse|battery staple/);
    await host.rune("delete", "app", "--yes");
  },
});
