/**
 * Tests the name of an installation with volumes at a fake of DigitalOcean: who finds which volume after a
 * host was renamed, rebuilt, copied, or set up beside another one, and what `rune volume orphans` says of it.
 * @module
 */
import assert from "node:assert/strict";
import type { Orphans } from "../model/orphans.ts";
import { FakeDigitalOcean } from "./fakes/digitalocean/fake.ts";
import { type Host, startHost } from "./host.ts";

/** A runefile for a node at the fake. */
const runefileOf = (fake: FakeDigitalOcean, node: string) =>
  `storage: { digitalOceanApi: "${fake.url}", digitalOceanMetadata: "${fake.metadataUrl}" }
node: ${node}
auth: { enabled: false }
`;

const castfileOf = (token: string, volumes: string[]) =>
  [
    `secret: { name: do, data: { token: ${token} } }`,
    `storageClass:
  name: do-block
  driver: do-volume
  reclaimPolicy: retain
  parameters: { region: nyc3, apiToken: "secret:do.default.rune/token" }`,
    ...volumes.map((name) =>
      `volume: { name: ${name}, size: 10Gi, accessMode: ReadWriteOnce, storageClassName: do-block }`
    ),
  ].join("\n---\n");

const readOrphans = async (host: Host): Promise<Orphans> =>
  JSON.parse(await host.rune("volume", "orphans", "-o", "json"));

const handleOf = async (host: Host, name: string): Promise<string> =>
  (await host.get("volume", name)).status.handle;

/** Starts the daemon of a host again with another runefile. */
async function restartWith(host: Host, runefile: string): Promise<void> {
  await host.daemon.stop();
  await Deno.writeTextFile(`${host.home}/runefile.yaml`, runefile);
  await host.restart();
}

Deno.test("a volume that is kept at DigitalOcean is an orphan until it is cast again, also by a renamed host", async () => {
  await using fake = await FakeDigitalOcean.start();
  const castfile = castfileOf(fake.createToken("full"), ["data", "cache"]);
  await using host = await startHost({ runefile: runefileOf(fake, "{ name: web-1 }") });
  await host.rune("cast", await host.file("do.yaml", castfile));
  const handle = await handleOf(host, "data");
  assert.deepEqual((await readOrphans(host)).items, []);
  assert.match(
    (await host.run(["volume", "orphans"])).stderr,
    /^no orphans: a volume of web-1 uses each one/,
  );

  await host.rune("volume", "delete", "data", "--yes");
  const before = fake.log.length;
  const { stdout, stderr } = await host.run(["volume", "orphans"]);
  assert.match(
    stdout,
    new RegExp(`^CREATED FOR .*\ndefault/data +11 GB +nyc3 +no +\\S+ +${handle} +storage class \\S+\n$`),
  );
  assert.match(stderr, /^1 volume, 11 GB: no volume of web-1 uses it\. Nothing was changed\.\n/);
  assert.deepEqual(fake.log.slice(before).filter(({ method }) => method !== "GET"), []);

  fake.createDroplet("web-1-renamed");
  await restartWith(host, runefileOf(fake, "{ name: web-1-renamed }"));
  assert.match(await host.rune("status"), /^node web-1-renamed \(installation web-1\), rune /);
  assert.deepEqual((await readOrphans(host)).items.map((item) => item.handle), [handle]);
  await host.rune("cast", `${host.home}/do.yaml`);
  assert.equal(await handleOf(host, "data"), handle);
  assert.deepEqual([(await readOrphans(host)).items, fake.volumes.length], [[], 2]);

  await host.daemon.stop();
  await Deno.writeTextFile(`${host.home}/other.yaml`, runefileOf(fake, "{ installation: shop }"));
  const refused = await host.run([
    "serve",
    "--config",
    `${host.home}/other.yaml`,
    "--data-dir",
    host.dataDir,
  ]);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /node\.installation is shop, .* have names of web-1/);
  assert.match(refused.stderr, /hint: set node\.installation: web-1, or remove it/);
});

Deno.test("a rebuilt host finds its volumes at DigitalOcean by the installation's name, and another host never", async () => {
  await using fake = await FakeDigitalOcean.start();
  const castfile = castfileOf(fake.createToken("full"), ["data"]);
  const castOn = async (node: string) => {
    await using host = await startHost({ runefile: runefileOf(fake, node) });
    await host.rune("cast", await host.file("do.yaml", castfile));
    return { handle: await handleOf(host, "data"), orphans: await readOrphans(host) };
  };
  const first = await castOn("{ name: web-1, installation: shop }");
  fake.createDroplet("web-9");
  const rebuilt = await castOn("{ name: web-9, installation: shop }");
  assert.equal(rebuilt.handle, first.handle);
  const other = await castOn("{ name: web-1 }");
  assert.notEqual(other.handle, first.handle);
  assert.deepEqual(other.orphans.items, []);
  assert.deepEqual(other.orphans.otherInstallations, [
    { installation: "shop", accountOf: "storageClass", volumes: 1, sizeGb: 11 },
  ]);
  assert.equal(fake.volumes.length, 2);
});

Deno.test("a restored copy has an installation of its own, and its volumes are not those of the original", async () => {
  await using fake = await FakeDigitalOcean.start();
  const castfile = castfileOf(fake.createToken("full"), ["data"]);
  await using host = await startHost({ runefile: runefileOf(fake, "{ name: web-1 }") });
  await host.rune("cast", await host.file("do.yaml", castfile));
  const handle = await handleOf(host, "data");
  const backup = `${host.home}/backup.tgz`;
  await host.rune("admin", "backup", "--out", backup, "--with-kek");
  const dataDir = `${host.home}/copy`;
  const config = `${host.home}/runefile.yaml`;
  const restore = ["admin", "restore", backup, "--as-copy", "--data-dir", dataDir, "--config"];
  const refused = await host.run([
    ...restore,
    await host.file("same.yaml", runefileOf(fake, "{ installation: web-1 }")),
  ]);
  assert.match(refused.stderr, /node\.installation is web-1, the name of the original; a copy needs its own/);
  await host.rune(...restore, config);

  await using copy = await startHost({ runefile: runefileOf(fake, "{ name: web-1 }"), dataDir });
  const { status } = await copy.get("volume", "data");
  assert.equal(status.state, "Stalled");
  assert.match(status.failureHint, new RegExp(`cast it anew with parameters: \\{ volumeId: ${handle} \\}`));
  await copy.rune("cast", await copy.file("new.yaml", castfile.replaceAll("name: data", "name: fresh")));
  await host.rune("cast", await host.file("new.yaml", castfile.replaceAll("name: data", "name: fresh")));
  assert.notEqual(await handleOf(copy, "fresh"), await handleOf(host, "fresh"));
  const { installation, items } = await readOrphans(copy);
  assert.match(installation, /^web-1-copy-[0-9a-f]{8}$/);
  assert.deepEqual(items, []);
});
