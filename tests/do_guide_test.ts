/**
 * Runs the part of the storage guide about DigitalOcean command by command as printed, with a shell, against
 * a fake of DigitalOcean with real block devices. Only the token and the image are local ones.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { RUNE } from "../scripts/daemon.ts";
import { containerService, processService } from "./castfiles.ts";
import { type Droplet, startDroplet } from "./droplet.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noLoopDevices } from "./skips.ts";

/** What the guide prints. */
const GUIDE = {
  secret: `rune create secret do-api-token \\
  --from-literal=token=dop_v1_<your_token_here> \\
  -n shared`,
  createClass: `rune storageclass create -f do-volumes-nyc3.yaml
rune get storageclasses`,
  castVolume: `cat <<'EOF' | rune cast -
volume:
  name: do-smoke-test
  namespace: default
  storageClassName: do-volumes-nyc3
  size: "10Gi"
  accessMode: ReadWriteOnce
EOF`,
  getVolume: `rune get volume do-smoke-test -n default`,
  castService: `cat <<'EOF' | rune cast -
service:
  name: do-smoke
  image: alpine:3.19
  command: ["sleep", "infinity"]
  volumes:
    - name: data
      mountPath: /data
      claim:
        name: do-smoke-test
EOF`,
  getService: `rune get service do-smoke`,
  deleteService: `rune delete service do-smoke`,
  deleteVolume: `rune delete volume do-smoke-test -n default`,
};

/** A shell whose `rune` is this source. */
async function shell({ host, droplet, image }: World, script: string): Promise<string> {
  const local = script.replace("dop_v1_<your_token_here>", droplet.token).replace("alpine:3.19", image);
  const program = RUNE.map((word) => `'${word}'`).join(" ");
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", `set -e\nrune() { ${program} "$@"; }\n${local}`],
    cwd: host.home,
    env: { ...host.daemon.env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  assert.equal(code, 0, `${script}\n${text.decode(stdout)}${text.decode(stderr)}`);
  return text.decode(stdout) + text.decode(stderr);
}

interface World {
  host: Host;
  droplet: Droplet;
  image: string;
}

/** The volume at DigitalOcean. */
const onlyVolume = ({ droplet: { fake } }: World) => {
  assert.equal(fake.volumes.length, 1);
  return fake.volumes[0]!;
};

/** Steps 1 to 3 of the set-up. */
async function setUp(world: World): Promise<void> {
  await shell(world, GUIDE.secret);
  const fixture = new URL("./fixtures/do-volumes-nyc3.yaml", import.meta.url);
  await Deno.copyFile(fixture, `${world.host.home}/do-volumes-nyc3.yaml`);
  const classes = (await shell(world, GUIDE.createClass)).replaceAll(/ {2,}/g, " ");
  assert.match(classes, /^NAME DRIVER DEFAULT/m);
  assert.match(classes, /^do-volumes-nyc3 do-volume false/m);
}

/** What the reference says of classes, and what it says is refused at the cast. */
async function castOthers({ host }: World): Promise<void> {
  const fixture = new URL("./fixtures/do-nyc3-topologies.yaml", import.meta.url);
  await host.rune("cast", await host.file("topologies.yaml", await Deno.readTextFile(fixture)));
  const { spec } = await host.get("storageclass", "do-nyc3");
  assert.deepEqual(spec.parameters, {
    region: "nyc3",
    fsType: "ext4",
    apiToken: "secret:api-token.do.rune/token",
  });
  const refuse = async (text: string, words: RegExp) => {
    const { code, stderr } = await host.run(["cast", await host.file("refused.yaml", text)]);
    assert.deepEqual([code, words.test(stderr)], [6, true], stderr);
  };
  const volume = "volume: { name: v, size: 1G, accessMode: ReadWriteOnce, storageClassName: do-volumes-nyc3";
  await refuse(
    `${volume} }\n---\n` +
      processService("p", "  volumes: [{ name: d, mountPath: /data, claim: { name: v } }]\n"),
    /block-device drivers \(do-volume\) are rejected/,
  );
  await refuse(`${volume}, snapshotPolicy: { every: 1m, keep: 3 } }\n`, /10m/);
  await refuse(`${volume}, snapshotPolicy: { every: 1h, keep: 26 } }\n`, /25/);
  await refuse(
    "storageClass: { name: both, driver: do-volume, parameters: { region: nyc3, " +
      'apiToken: "secret:a.b.rune/token", apiTokenSecretRef: b/a } }\n',
    /apiTokenSecretRef/,
  );
}

/** "Verify", the volume. */
async function verifyVolume(world: World): Promise<void> {
  await shell(world, GUIDE.castVolume);
  const shown = await shell(world, GUIDE.getVolume);
  const { id, sizeGb } = onlyVolume(world);
  assert.match(shown, /^STATUS: Available$/m);
  assert.match(shown, new RegExp(`^HANDLE: ${id}$`, "m"));
  assert.equal(sizeGb, 11, "ceil(bytes / 1e9)");
}

/** "Quick attach test", with the same service on the class `local` beside it. */
async function verifyAttach(world: World): Promise<void> {
  const { host, droplet: { fake } } = world;
  await shell(world, GUIDE.castService);
  assert.match(await shell(world, GUIDE.getService), /^STATUS: Running$/m);
  assert.equal(onlyVolume(world).dropletIds.length, 1);
  const local =
    "volume: { name: beside, size: 1Gi, accessMode: ReadWriteOnce, storageClassName: local }\n---\n" +
    containerService("beside", "  volumes: [{ name: data, mountPath: /data, claim: { name: beside } }]\n");
  await host.rune("cast", await host.file("beside.yaml", local));
  for (const name of ["do-smoke", "beside"]) {
    await host.rune("exec", name, "--", "sh", "-c", `echo ${name} > /data/who`);
  }
  assert.equal(await host.rune("exec", "do-smoke", "--", "cat", "/data/who"), "do-smoke\n");
  const type = await host.rune("exec", "do-smoke", "--", "sh", "-c", "grep ' /data ' /proc/mounts");
  assert.match(type, /^\/dev\/loop\d+ \/data ext4 /);
  assert.equal(fake.requests("volumes_create").length, 1);
}

/** The clean-up of "Verify", and the second gotcha: `retain` keeps the volume. */
async function deleteRetained(world: World): Promise<void> {
  await shell(world, GUIDE.deleteService);
  await shell(world, GUIDE.deleteVolume);
  await until("it is gone from Rune", async () => (await world.host.get("volumes")).items.length === 1);
  assert.deepEqual(onlyVolume(world).dropletIds, [], "detached, and kept");
}

/** Casting the volume again finds it with its data. With `delete`, DigitalOcean's volume goes too. */
async function deleteForGood(world: World): Promise<void> {
  const { host, droplet: { fake } } = world;
  const { id } = onlyVolume(world);
  const cast = GUIDE.castVolume.replace("accessMode:", "reclaimPolicy: delete\n  accessMode:");
  assert.match(await shell(world, cast), /keeps the data found in/);
  const volume = await host.get("volume", "do-smoke-test");
  assert.deepEqual([volume.status.handle, volume.status.adopted], [id, true]);
  await shell(world, GUIDE.castService);
  assert.equal(await host.rune("exec", "do-smoke", "--", "cat", "/data/who"), "do-smoke\n");
  await shell(world, GUIDE.deleteService);
  await shell(world, GUIDE.deleteVolume);
  await until("it is gone at DigitalOcean", () => Promise.resolve(fake.volumes.length === 0));
  assert.equal(await host.rune("exec", "beside", "--", "cat", "/data/who"), "beside\n");
}

/** "If this stalls in Pending with `dovolume: action ... errored`". */
async function attachFails(world: World): Promise<void> {
  const { host, droplet: { fake } } = world;
  await shell(world, GUIDE.castVolume);
  const fault = fake.setFault({ op: "volumeActions_post_byId", type: "attach", times: 99 }, {
    action: "errored",
  });
  await shell(world, GUIDE.castService.replace("rune cast -", "rune cast --no-wait -"));
  const instance = await until("the instance says why", async () => {
    const found = await host.get("instance", "do-smoke-0");
    return /errored/.test(found.status.message) && found;
  });
  assert.equal(instance.status.state, "Pending");
  assert.match(instance.status.message, /dovolume: action \d+ \(attach\) errored/);
  fault.remove();
  await until("it runs", async () => (await host.get("service", "do-smoke")).status.ready === 1);
}

/** A token that lacks what the guide calls easy to miss. */
async function scopeLacks(world: World): Promise<void> {
  const { host, droplet: { fake, token } } = world;
  await shell(world, GUIDE.deleteService);
  await host.rune("volume", "detach", "do-smoke-test");
  await until("it is detached", () => Promise.resolve(onlyVolume(world).dropletIds.length === 0));
  fake.setScopes(token, ["block_storage:read", "droplet:read", "actions:read"]);
  await shell(world, GUIDE.castService.replace("rune cast -", "rune cast --no-wait -"));
  await until("the instance names the scope", async () => {
    const { status } = await host.get("instance", "do-smoke-0");
    return /lacks the scope block_storage_action:create/.test(status.message);
  });
  await host.run(["cast", "-"], {
    stdin: `secret: { name: do-api-token, namespace: shared, data: { token: ${
      fake.createToken("full")
    } } }\n`,
  });
  await until("it runs", async () => (await host.get("service", "do-smoke")).status.ready === 1);
}

Deno.test({
  name: "the do-volume part of the storage guide works as printed",
  ignore: noDocker || noLoopDevices,
  async fn(t) {
    const image = await ensureTestImage();
    await using droplet = await startDroplet();
    await using host = await startHost({ runefile: droplet.runefile });
    const world = { host, droplet, image };
    await t.step("set-up: secret and storage class", () => setUp(world));
    await t.step("classes of the reference, and what is refused", () => castOthers(world));
    await t.step("verify: the volume", () => verifyVolume(world));
    await t.step("verify: the attach test", () => verifyAttach(world));
    await t.step("retain keeps the volume at DigitalOcean", () => deleteRetained(world));
    await t.step("cast again it is adopted, and delete deletes it", () => deleteForGood(world));
    await t.step("an errored action is shown, and tried again", () => attachFails(world));
    await t.step("a missing scope is named, and another token mends it", () => scopeLacks(world));
  },
});
