import assert from "node:assert/strict";
import type { VolumeMount } from "../../model/mounts.ts";
import type { VolumeSpec } from "../../model/volume.ts";
import { withServer } from "../api/server_fixture.ts";
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
