import assert from "node:assert/strict";
import { judgeMountPoint, mayMakeMountPoint } from "./mount_points.ts";

const OCCUPIED = [
  "/database",
  "/dev",
  "/etc",
  "/etc/ssl",
  "/root",
  "/run",
  "/srv",
  "/usr",
  "/var",
  "/var/lib/systemd",
];
const FREE = ["/app", "/etc/app", "/run/app", "/var/lib/app"];
const rules = {
  closed: ["/var/lib/rune", "/srv/rune/volumes"],
  /** As on a host. */
  occupancyOf: (path: string) =>
    OCCUPIED.includes(path)
      ? "occupied" as const
      : FREE.includes(path)
      ? "free" as const
      : "missing" as const,
};

Deno.test("judgeMountPoint() allows the paths on its list, and none of the daemon's own", () => {
  for (
    const path of [
      "/data",
      "/data/a",
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
      "/home/app",
      "/etc/nologin",
      "/run/nologin",
      "/forcefsck",
    ]
  ) {
    assert.equal(typeof judgeMountPoint(path, rules), "string", path);
  }
});

Deno.test("judgeMountPoint() allows a directory mounted at its own path, unless it is the daemon's", () => {
  assert.equal(judgeMountPoint("/usr/local/share/app", { ...rules, inPlace: true }), undefined);
  assert.equal(typeof judgeMountPoint("/var/lib/rune/kek", { ...rules, inPlace: true }), "string");
});

Deno.test("mayMakeMountPoint() refuses places where a mere name means something to the host's programs", () => {
  for (const path of ["/data/a", "/srv", "/tmp/a", "/var/www/a", "/var/lib/new/a", "/var/lib/app/a"]) {
    assert.equal(mayMakeMountPoint(path, rules), true, path);
  }
  for (
    const path of [
      "/etc/app",
      "/etc/app/a",
      "/run/app/a",
      "/app/a",
      "/var/lib/systemd/linger/ci",
      "/usr/local/a",
    ]
  ) {
    assert.equal(mayMakeMountPoint(path, rules), false, path);
  }
});
