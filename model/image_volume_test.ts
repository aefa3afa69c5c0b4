import assert from "node:assert/strict";
import { imageMount, imageMountText, uncoveredPaths } from "./image_volume.ts";
import { volumeMountSchema } from "./mounts.ts";

Deno.test("uncoveredPaths() counts only a mount at the path itself, and leaves out paths where nothing may be mounted", () => {
  const table: [string[], string[], string[]][] = [
    [["/data"], [], ["/data"]],
    [["/data"], ["/data"], []],
    [["/srv/db/data"], ["/srv/db"], ["/srv/db/data"]],
    [["/srv/db/data"], ["/srv/db/data/sub"], ["/srv/db/data"]],
    [["/data", "/logs"], ["/logs"], ["/data"]],
    [["/proc/x", "/sys/fs/cgroup", "/etc"], [], []],
  ];
  for (const [declared, mounted, expected] of table) {
    assert.deepEqual(uncoveredPaths(declared, mounted), expected, `${declared} with ${mounted}`);
  }
});

Deno.test("imageMount() makes valid names that tell paths apart and are not taken", () => {
  const paths = [
    "/data",
    "/srv/db/data",
    "/srv/db-data",
    "/srv-db/data",
    "/var/lib/My App",
    "/" + "long/".repeat(40) + "x",
    "/ä",
  ];
  const names = paths.map((path) => imageMount(path).name);
  assert.equal(new Set(names).size, paths.length);
  for (const path of paths) volumeMountSchema.parse(imageMount(path));
  assert.equal(names[0], "image-data");
  assert.notEqual(imageMount("/data", ["image-data"]).name, "image-data");
  assert.equal(
    imageMountText(imageMount("/data")),
    "{ name: image-data, mountPath: /data, claimTemplate: { size: 1Gi, accessMode: ReadWriteOnce } }",
  );
});
