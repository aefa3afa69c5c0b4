import assert from "node:assert/strict";
import { tellsOfLimit } from "./kernel_log.ts";

const ID = "9b28405bf6140defa4784c5eacfce4a68da396f1a427ae7833009f1ca9b8e694";
const line = (group: string) =>
  `[29936.464287] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),mems_allowed=0,oom_memcg=${group},` +
  `task_memcg=${group},task=tail,pid=21690,uid=0`;

Deno.test("tellsOfLimit() finds the container in the kernel log, whatever created the groups, and no other", () => {
  for (const group of [`/docker/${ID}`, `/system.slice/docker-${ID}.scope`]) {
    assert.ok(tellsOfLimit(`first\n${line(group)}\nlast\n`, ID));
  }
  const other = ID.replace("9b", "9c");
  assert.equal(tellsOfLimit(`${line(`/docker/${other}`)}\nveth of ${ID} entered\n`, ID), false);
  assert.equal(tellsOfLimit("", ID), false);
});
