/**
 * Tests that an unwritten volume belongs to the user of the program that will write it, and so do files of
 * secrets and configmaps.
 * @module
 */
import assert from "node:assert/strict";
import { buildTestImage, ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { hostVolume } from "./castfiles.ts";
import { startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const template = (fields = "") =>
  `{ name: data, mountPath: /data${fields}, claimTemplate: { size: 100Mi, accessMode: ReadWriteOnce } }`;

/** A service that runs a script once, then sleeps. */
const makeScripted = (
  { name, image, script, more = "", volumes = [] }: {
    name: string;
    image: string;
    script: string;
    more?: string;
    volumes?: string[];
  },
) =>
  `service:\n  name: ${name}\n  image: ${image}\n  imagePull: never\n` +
  `  command: ${
    JSON.stringify(["sh", "-c", `${script}; trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done`])
  }\n` +
  more + (volumes.length > 0 ? `  volumes: [${volumes.join(", ")}]\n` : "");

Deno.test({
  name:
    "fresh volumes and files belong to the user of context or image; data and what was given away stay as they are",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using image = await buildTestImage(["USER 1000:1000"]);
    await using named = await buildTestImage(["USER app"]);
    const shared = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-test-owner-" }));
    try {
      for (const name of ["empty", "given", "filled"]) await Deno.mkdir(`${shared}/${name}`);
      await Deno.writeTextFile(`${shared}/filled/data`, "kept");
      await Deno.chown(`${shared}/given`, 7, 8);
      await using host = await startHost({
        runefile: `storage: { hostPathAllowlist: ["${shared}"] }\n`,
      });
      const owner = async (path: string) => {
        const { uid, gid } = await Deno.stat(path);
        return [uid, gid];
      };
      const ofTemplate = (service: string) => owner(`${host.dataDir}/volumes/default/data-${service}-0`);
      const user = "  securityContext: { user: '1000', group: '1000' }\n";
      const write = "touch /data/mark && echo written";
      const cast = async (text: string, name: string) => {
        await host.rune("cast", await host.file("service.yaml", text));
        return await until(`${name} has written`, async () => await host.rune("logs", name) || undefined);
      };

      const script = { name: "writer", image: TEST_IMAGE, script: write, more: user, volumes: [template()] };
      assert.match(await cast(makeScripted(script), "writer"), /written/);
      assert.deepEqual(await ofTemplate("writer"), [1000, 1000]);

      const secret = "secret: { name: token, data: { value: abc123 } }\n---\n" +
        "configmap: { name: settings, data: { colour: red } }\n---\n";
      const files = "  secretMounts: [{ name: token, secretName: token, mountPath: /run/token }]\n" +
        "  configMounts: [{ configName: settings, mountPath: /run/settings, mode: '0400' }]\n";
      const read = `cat /run/token/value /run/settings/colour; ${write}`;
      for (const [name, from] of [["numeric", image.name], ["named", named.name]] as const) {
        const text = secret +
          makeScripted({ name, image: from, script: read, more: files, volumes: [template()] });
        const out = await cast(text, name);
        assert.match(out, /abc123red\s*written/, out);
        assert.deepEqual(await ofTemplate(name), [1000, 1000]);
      }

      const explicit = {
        name: "explicit",
        image: image.name,
        script: "echo up",
        volumes: [template(", fsUser: 5")],
      };
      await cast(makeScripted(explicit), "explicit");
      assert.deepEqual(await ofTemplate("explicit"), [5, 0], "fsUser says otherwise");

      const names = ["empty", "given", "filled"];
      const text = names.map((name) => hostVolume(name, `${shared}/${name}`)).join("") + makeScripted({
        name: "hosts",
        image: image.name,
        script: "echo up",
        volumes: names.map((name) => `{ name: ${name}, mountPath: /mnt/${name}, claim: { name: ${name} } }`),
      });
      await cast(text, "hosts");
      assert.deepEqual(await owner(`${shared}/empty`), [1000, 1000]);
      assert.deepEqual(await owner(`${shared}/given`), [7, 8]);
      assert.deepEqual([await owner(`${shared}/filled`), await owner(`${shared}/filled/data`)], [[0, 0], [
        0,
        0,
      ]]);

      // Once root has written, the volume stays root's, whoever comes next.
      const root = makeScripted({
        name: "later",
        image: TEST_IMAGE,
        script: "echo up",
        volumes: [template()],
      });
      await cast(root, "later");
      await cast(root.replace(TEST_IMAGE, image.name), "later");
      assert.deepEqual(await ofTemplate("later"), [0, 0]);
    } finally {
      await Deno.remove(shared, { recursive: true });
    }
  },
});
