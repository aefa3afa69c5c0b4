import assert from "node:assert/strict";
import { configMountSchema, secretMountSchema } from "./mounts.ts";

Deno.test("files of secrets and configmaps get permissions only: no setuid, setgid or sticky bit", () => {
  const mode = (value: string) => [
    secretMountSchema.safeParse({ secretName: "s", mountPath: "/srv/s", mode: value }).success,
    configMountSchema.safeParse({ configName: "c", mountPath: "/srv/c", mode: value }).success,
  ];
  for (const value of ["4755", "04755", "2755", "1777", "7777", "1000", "00755755", "888"]) {
    assert.deepEqual(mode(value), [false, false], value);
  }
  for (const value of ["0400", "644", "0777", "00755"]) assert.deepEqual(mode(value), [true, true], value);
});
