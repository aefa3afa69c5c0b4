import assert from "node:assert/strict";
import { judgeMountPoint } from "./mount_points.ts";

const rules = {
  closed: ["/var/lib/rune", "/srv/rune/volumes"],
  /** As on a host. */
  isOccupied: (path: string) =>
    ["/database", "/dev", "/etc", "/etc/ssl", "/root", "/run", "/srv", "/usr", "/var"].includes(path),
};

Deno.test("judgeMountPoint() allows what its list names, and nothing that is the daemon's own", () => {
  for (
    const path of [
      "/data",
      "/data/a",
      "/home/app/x",
      "/tmp/a",
      "/var/tmp",
      "/var/lib/app",
      "/var/log/app",
      "/var/www",
      "/srv/other",
      "/etc/app",
      "/etc/app/conf.d",
      "/run/app",
      "/app",
      "/app/conf",
    ]
  ) {
    assert.equal(judgeMountPoint(path, rules), undefined, path);
  }
  for (
    const path of [
      "/",
      "/usr/bin",
      "/database",
      "/var/lib",
      "/var/log",
      "/var",
      "/etc",
      "/etc/ssl",
      "/etc/ssl/certs",
      "/run",
      "/var/lib/rune",
      "/var/lib/rune/mounts/x",
      "/srv",
      "/srv/rune",
      "/srv/rune/volumes",
      "/root",
      "/dev/shm",
    ]
  ) {
    assert.equal(typeof judgeMountPoint(path, rules), "string", path);
  }
});

Deno.test("judgeMountPoint() allows a directory in its own place, unless it is the daemon's", () => {
  assert.equal(judgeMountPoint("/usr/local/share/app", { ...rules, inPlace: true }), undefined);
  assert.equal(typeof judgeMountPoint("/var/lib/rune/kek", { ...rules, inPlace: true }), "string");
});
