import assert from "node:assert/strict";
import type { VolumeMount } from "../../model/mounts.ts";
import type { VolumeSpec } from "../../model/volume.ts";
import { claim, okJson, problemOf, process, template, volume, withServer } from "../api/server_fixture.ts";
import { checkFileMounts, checkProcessMount } from "./process_mounts.ts";
import { makeWorld, parseService } from "./world_fixture.ts";

const mount = (mountPath: string, more: Partial<VolumeMount> = {}) => ({
  name: "data",
  mountPath,
  subPath: "",
  readOnly: false,
  ...more,
} as VolumeMount);
const place = (hostPath: string, storageClassName = "local-host") => ({
  namespace: "default",
  name: "data",
  spec: {
    storageClassName,
    size: "1Gi",
    accessMode: "ReadWriteOnce",
    parameters: { hostPath },
  } as VolumeSpec,
});
const listPaths = (issues: { path: (string | number)[] }[]) => issues.map(({ path }) => path.join("."));

Deno.test("checkProcessMount() refuses a driver whose volumes are no directories of the host, where the class is named", () =>
  withServer(async (server) => {
    const world = makeWorld(server);
    const check = (storageClassName: string, classPath: string[]) =>
      checkProcessMount(mount("/data"), { place: place("/x", storageClassName), classPath, world });
    const [issue] = check("local", ["claim"]);
    assert.deepEqual(issue!.path, ["claim"]);
    assert.match(issue!.message, /can use only local-host volumes; class local uses the driver local/);
    assert.deepEqual(listPaths(check("local", ["claimTemplate", "storageClassName"])), [
      "claimTemplate.storageClassName",
    ]);
    // A class that is not there is refused where it is named.
    assert.deepEqual(check("absent", ["claim"]), []);
  }));

Deno.test("checkProcessMount() rejects block-device drivers in the guide's words, in claims and templates, without their class too", () =>
  withServer(async ({ cast, store }) => {
    const rejected =
      /^a process service can use only local-host volumes; block-device drivers \(do-volume\) are rejected/;
    const parameters = { region: "nyc3", apiToken: "secret:do-api-token.shared.rune/token" };
    const storageClassName = "do-volumes-nyc3";
    await okJson(cast([["storageClass", { name: storageClassName, driver: "do-volume", parameters }]]));
    const assertRejected = async (mount: object, path: string) => {
      const { issues } = await problemOf(cast([process("agent", { volumes: [mount] })]), "invalid_argument");
      assert.deepEqual(listPaths(issues!), [path]);
      assert.match(issues![0]!.message, rejected);
    };
    await assertRejected(template({ storageClassName }), "volumes.0.claimTemplate.storageClassName");
    await okJson(cast([volume("v", { storageClassName })]));
    await assertRejected(claim("v"), "volumes.0.claim");
    await store.transact((tx) => {
      const v = tx.get("volume", "default", "v")!;
      tx.update(v, { status: { ...v.status, driver: "do-volume" } });
      tx.remove({ kind: "storageClass", namespace: "", name: storageClassName });
    });
    await assertRejected(claim("v"), "volumes.0.claim");
  }));

Deno.test("checkWaitingProcesses() refuses a volume that a process service waits for, unless the cast changes the service", () =>
  withServer(async ({ cast }) => {
    await okJson(cast([process("agent", { volumes: [claim("v")] })]));
    const { issues } = await problemOf(cast([volume("v")]), "invalid_argument");
    assert.deepEqual(listPaths(issues!), ["storageClassName"]);
    assert.match(issues![0]!.message, /^service default\/agent claims it: a process service can use only/);
    await okJson(cast([volume("other")]));
    const changed = { image: "busybox:1", volumes: [claim("v")] };
    await okJson(cast([volume("v"), ["service", { name: "agent", ...changed }]]));
  }));

Deno.test("checkProcessMount() without root takes a directory where it is, and nowhere else, and never read-only", () =>
  withServer(async (server) => {
    const world = makeWorld(server);
    const own = `${server.hostDir}/v`;
    const check = (given: VolumeMount) =>
      checkProcessMount(given, { place: place(own), classPath: [], world });
    assert.deepEqual(check(mount(own)), []);
    assert.deepEqual(check(mount(`${own}/a`, { subPath: "a" })), []);
    assert.deepEqual(check(mount(`${own}/a`, { subPath: "a/" })), []);
    assert.deepEqual(listPaths(check(mount("/data", { readOnly: true }))), ["mountPath", "readOnly"]);
    const [issue] = check(mount(own, { subPath: "b" }));
    assert.match(issue!.message, new RegExp(`${own}/b at ${own}: expected ${own}/b$`));
    assert.match(issue!.hint!, new RegExp(`set mountPath to ${own}/b`));
  }));

Deno.test("checkProcessMount() with root allows data directories, and a volume's own directory, and no other of the host", () =>
  withServer(async (server) => {
    const own = `${server.hostDir}/v`;
    const world = makeWorld(server, { privateMounts: true, root: true, closed: ["/srv/rune"] });
    const check = (path: string, more: Partial<VolumeMount> = {}) =>
      listPaths(checkProcessMount(mount(path, more), { place: place(own), classPath: [], world }));
    for (const path of ["/data", "/srv/app", own]) {
      assert.deepEqual(check(path, { readOnly: true }), [], path);
    }
    for (const path of ["/usr/bin", "/etc/ssl", "/srv/rune", "/srv", "/srv/rune/x"]) {
      assert.deepEqual(check(path), ["mountPath"], path);
    }
  }));

Deno.test("checkFileMounts() judges files of secrets and configmaps where a process can have mounts, and there alone", () =>
  withServer(async (server) => {
    const fields = {
      secretMounts: [{ secretName: "s", mountPath: "/data/s" }, { secretName: "s", mountPath: "/usr/s" }],
      configMounts: [{ configName: "c", mountPath: "/etc/passwd" }],
    };
    const spec = parseService({ process: { command: "true" }, ...fields });
    const mounting = makeWorld(server, { privateMounts: true, root: true });
    assert.deepEqual(listPaths(checkFileMounts(spec, mounting)), [
      "secretMounts.1.mountPath",
      "configMounts.0.mountPath",
    ]);
    // Without, checkHost() refuses the mounts themselves; an image has a filesystem of its own.
    assert.deepEqual(checkFileMounts(spec, makeWorld(server)), []);
    assert.deepEqual(checkFileMounts(parseService({ image: "img:1", ...fields }), mounting), []);
  }));
