/**
 * Searches the token for DigitalOcean in everything that a daemon writes, prints and starts, while all calls
 * of the driver succeed and fail.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { containerService } from "./castfiles.ts";
import { FakeDigitalOcean } from "./fakes/digitalocean/fake.ts";
import type { Fault } from "./fakes/digitalocean/faults.ts";
import { createLoopBacking } from "./fakes/digitalocean/loops.ts";
import { type Host, startHost, until } from "./host.ts";
import { argumentsWith, findFilesWith } from "./raw_files.ts";
import { noDocker, noLoopDevices } from "./skips.ts";

const volumeOf = (name: string, more = "") =>
  `volume:
  name: ${name}
  size: 1G
  accessMode: ReadWriteOnce
  storageClassName: cloud
  reclaimPolicy: delete
${more}`;
const classOf = (name: string, apiToken: string) =>
  `storageClass:
  name: ${name}
  driver: do-volume
  parameters: { region: nyc3, apiToken: "${apiToken}" }
`;
const secretOf = (token: string) => `secret: { name: api, namespace: shared, data: { token: ${token} } }\n`;

/** What goes wrong with the next requests, and the words that the volume then shows. */
const FAULTS: [Fault, RegExp][] = [
  [{ status: 401, message: "Unable to authenticate you" }, /refused the token/],
  [{ status: 403, message: "You do not have access for the attempted action." }, /lacks the scope/],
  [{ status: 422, message: "something new" }, /something new/],
  [{ garbage: "html" }, /dovolume/],
  [{ reset: true }, /dovolume/],
];

/** Casts a text that is in no file. */
async function castText(host: Host, text: string, ...options: string[]): Promise<string> {
  const { code, stdout, stderr } = await host.run(["cast", "-", ...options], { stdin: text });
  assert.equal(code, 0, stdout + stderr);
  return stdout + stderr;
}

/** Everything that the client prints of the resources of the test, and the daemon's log. */
async function readTexts(host: Host): Promise<string[]> {
  const commands = [
    ["get", "storageclasses", "-o", "yaml"],
    ...["volumes", "snapshots", "services", "instances", "secrets"].map((
      kind,
    ) => ["get", kind, "-A", "-o", "yaml"]),
    ["describe", "volume", "data"],
    ["describe", "storageclass", "cloud"],
    ["events", "-A"],
    ["volume", "orphans"],
    ["status"],
  ];
  const printed: string[] = [await Deno.readTextFile(`${host.home}/daemon.log`)];
  for (const command of commands) {
    const { stdout, stderr } = await host.run(command);
    printed.push(stdout + stderr);
  }
  return printed;
}

/** Asserts that nobody can find the token: in no text, in no file, in no command line. */
async function assertNowhere(host: Host, token: string): Promise<void> {
  const where = (await readTexts(host)).filter((text) => text.includes(token));
  assert.deepEqual(where, []);
  assert.deepEqual(await argumentsWith(token), []);
  assert.deepEqual(await findFilesWith(host.home, token), []);
}

Deno.test({
  name: "the token of DigitalOcean is in no file, log, event, answer or command line, whatever fails",
  ignore: noDocker || noLoopDevices,
  async fn() {
    await ensureTestImage();
    const backing = await createLoopBacking();
    await using fake = await FakeDigitalOcean.start({ backing, actionMs: 0 });
    await fake.becomeDroplet(fake.createDroplet("web-1"));
    await using host = await startHost({
      runefile: `node: { name: web-1 }
storage:
  digitalOceanApi: ${fake.url}
  digitalOceanMetadata: ${fake.metadataUrl}
  digitalOceanDevices: ${backing.links}
`,
    });
    const [first, second] = [fake.createToken("full"), fake.createToken("full")];
    const reference = "secret:api.shared.rune/token";
    await castText(host, `${secretOf(first)}---\n${classOf("cloud", reference)}---\n${volumeOf("data")}`);
    const mount = "  volumes: [{ name: data, mountPath: /data, claim: { name: data } }]\n";
    await castText(host, containerService("web", mount));
    await host.rune("exec", "web", "--", "sh", "-c", "echo kept > /data/file");
    await castText(host, "snapshot: { name: copy, source: { volume: data } }\n");
    await castText(host, volumeOf("restored", "  source: { snapshot: copy }\n"));
    await assertNowhere(host, first);

    for (const [i, [fault, words]] of FAULTS.entries()) {
      const handle = fake.setFault({ op: "*", times: 1000 }, fault);
      await castText(host, volumeOf(`failing-${i}`), "--no-wait");
      const printed = await until(`volume failing-${i} says why`, async () => {
        const text = await host.rune("describe", "volume", `failing-${i}`);
        return words.test(text) && text;
      });
      assert.equal(printed.includes(first), false);
      handle.remove();
    }
    await assertNowhere(host, first);
    fake.revokeToken(first);
    await castText(host, secretOf(second));
    for (const i of FAULTS.keys()) {
      await host.run(["volume", "retry-provision", `failing-${i}`]);
      await until(
        `volume failing-${i} recovers`,
        async () => (await host.get("volume", `failing-${i}`)).status.state === "Available",
      );
    }
    await host.daemon.stop("SIGKILL");
    for (const token of [first, second]) assert.deepEqual(await findFilesWith(host.home, token), []);
    await host.restart();
    for (const name of ["restored", ...FAULTS.map((_, i) => `failing-${i}`)]) {
      await host.rune("volume", "delete", name, "--yes");
    }
    for (const token of [first, second]) await assertNowhere(host, token);
  },
});

Deno.test("a token that a class holds itself is in nothing that is shown, printed or started, the cast warns of it, and a reference can replace it", async () => {
  await using fake = await FakeDigitalOcean.start();
  await fake.becomeDroplet(fake.createDroplet("web-1"));
  await using host = await startHost({
    runefile: `node: { name: web-1 }
storage: { digitalOceanApi: "${fake.url}", digitalOceanMetadata: "${fake.metadataUrl}" }
`,
  });
  const token = fake.createToken("full");
  const printed = [
    await castText(host, `${classOf("cloud", token)}---\n${volumeOf("data")}`),
    await castText(host, classOf("cloud", `${token}-mistyped`), "--dry-run"),
  ];
  assert.match(printed[0]!, /storageClass cloud holds a secret in parameters\.apiToken/);
  assert.match(await host.rune("describe", "volume", "data"), /apiToken=\(hidden\)/);
  assert.deepEqual([...printed, ...await readTexts(host)].filter((text) => text.includes(token)), []);
  assert.deepEqual(await argumentsWith(token), []);
  // It is a part of the declaration, so the state has it, and nothing else.
  const files = await findFilesWith(host.home, token);
  assert.notEqual(files.length, 0);
  assert.deepEqual(files.filter((file) => !file.startsWith(`${host.dataDir}/state`)), []);

  // A reference takes its place for the volumes that there are, too.
  const other = fake.createToken("full");
  await castText(host, `${secretOf(other)}---\n${classOf("cloud", "secret:api.shared.rune/token")}`);
  fake.revokeToken(token);
  await until("the volume has the reference", async () => {
    const text = await host.rune("describe", "volume", "data");
    return text.includes("apiToken=secret:api.shared.rune/token");
  });
  await host.rune("volume", "delete", "data", "--yes");
  await until("it is deleted with the other token", () => Promise.resolve(fake.volumes.length === 0));
});
