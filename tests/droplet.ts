/**
 * A droplet for tests: this machine, as a fake of DigitalOcean sees it. The fake's volumes are sparse files,
 * which appear here as loop devices. Disposing of it removes all of them, so dispose of its hosts first.
 * @module
 */
import { FakeDigitalOcean } from "./fakes/digitalocean/fake.ts";
import { createLoopBacking, type LoopBacking } from "./fakes/digitalocean/loops.ts";
import { openEngine } from "../scripts/engine.ts";
import { removeFromEngine, removeMounts } from "../scripts/leftovers.ts";
import type { Host } from "./host.ts";

/** The name and the region of the droplet. */
export const NODE = "web-1";
export const REGION = "nyc3";

/** See the module comment. */
export interface Droplet extends AsyncDisposable {
  fake: FakeDigitalOcean;
  backing: LoopBacking;
  /** A token for everything. */
  token: string;
  /** The runefile of a daemon on this droplet. */
  runefile: string;
}

/** Starts a fake with one droplet, which this machine becomes. */
export async function startDroplet(): Promise<Droplet> {
  const backing = await createLoopBacking();
  const fake = await FakeDigitalOcean.start({ backing, pageSize: 200 });
  await fake.becomeDroplet(fake.createDroplet(NODE, { region: REGION }));
  return {
    fake,
    backing,
    token: fake.createToken("full"),
    runefile: `node: { name: ${NODE} }\nstorage:\n  digitalOceanApi: ${fake.url}\n` +
      `  digitalOceanMetadata: ${fake.metadataUrl}\n  digitalOceanDevices: ${backing.links}\n`,
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}

/** Creates the secret and the storage class of the guide. */
export async function createClass(host: Host, { token }: Droplet): Promise<void> {
  await host.rune("create", "secret", "do-api-token", `--from-literal=token=${token}`, "-n", "shared");
  const fixture = new URL("./fixtures/do-volumes-nyc3.yaml", import.meta.url);
  const file = await host.file("do-volumes-nyc3.yaml", await Deno.readTextFile(fixture));
  await host.rune("storageclass", "create", "-f", file);
}

/** Stops a droplet at once, as a power cut does: its processes and mounts are gone. */
export async function stopDroplet(host: Host): Promise<void> {
  await host.daemon.stop("SIGKILL");
  const engine = openEngine();
  const filters = encodeURIComponent(JSON.stringify({ label: [`rune.io/daemon=${host.daemonId}`] }));
  try {
    const running = await engine.call(`GET /containers/json?filters=${filters}`) as { Id: string }[];
    await Promise.all(running.map(({ Id }) => engine.call(`POST /containers/${Id}/kill`)));
  } finally {
    engine.close();
  }
  await removeMounts(host.dataDir);
}

/** Destroys a droplet: the Docker Engine of the next one knows nothing of its containers. */
export async function destroyDroplet(host: Host): Promise<void> {
  await stopDroplet(host);
  await removeFromEngine(host.daemonId);
}
