/** Tests images from a private registry: a real one on loopback, with passwords or tokens. @module */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { SLEEP } from "./castfiles.ts";
import { startHost, until } from "./host.ts";
import { noRegistry, openRegistry, PASSWORD, USER } from "./private_registry.ts";
import { noDocker, noRoot } from "./skips.ts";

Deno.test({
  name:
    "docker.registries: the longest pattern's credentials pull a private image; without them the registry's message is the reason",
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
    const waitForRefusal = (entry: RegExp) =>
      until("the pull is refused", async () => {
        const { reason, message } = (await host.get("service", "app")).status;
        return reason === "ImageUnreachable" && entry.test(message);
      });
    await waitForRefusal(/credentials of rune admin registry "/);
    await setSecret(PASSWORD);
    const runs = async () => (await host.get("service", "app")).status.state === "Running";
    await until("the rotated password pulls the image", runs);

    // An entry's own credentials, and the runefile's again once it is deleted.
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
    await waitForRefusal(/credentials of rune admin registry "/);
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

Deno.test({
  name: "a bearer token of the runefile or of a secret pulls only the image that it is for",
  ignore: noDocker || noRoot || noRegistry,
  async fn() {
    await ensureTestImage();
    await using registry = await openRegistry("token");
    const image = await registry.push("team/app");
    const { token } = await registry.credentials("team/app");
    const { token: elsewhere } = await registry.credentials("team/other");
    await using host = await startHost({
      runefile: `docker: { registries: [{ match: "${registry.host}", token: "${token}" }] }\n`,
    });
    const command = JSON.stringify(["/bin/sh", "-c", SLEEP]);
    const castfile = await host.file(
      "app.yaml",
      `service:\n  name: app\n  image: ${image}\n  imagePull: always\n  stopTimeout: 1s\n  command: ${command}\n`,
    );
    await host.rune("cast", castfile);
    assert.match(await host.rune("admin", "registry", "list"), /runefile +token\n/);
    await host.rune("delete", "app", "--yes");

    const secret = `secret: { name: pull, data: { token: "${elsewhere}" } }\n`;
    await host.rune("cast", await host.file("pull.yaml", secret));
    await host.rune("admin", "registry", "set", registry.host, "--secret", "pull");
    await host.rune("cast", "--no-wait", castfile);
    const { message } = await until("the pull is refused", async () => {
      const { status } = await host.get("service", "app");
      return status.reason === "ImageUnreachable" && status;
    });
    assert.match(message, /cannot pull image .*(unauthorized|denied|authoriz)/i);
    assert.ok(!JSON.stringify(await host.get("events")).includes(elsewhere!));
    await host.rune("delete", "app", "--yes");
  },
});
