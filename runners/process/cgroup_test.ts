import assert from "node:assert/strict";
import { makeCgroups } from "./cgroup.ts";
import { parseCgroupMounts } from "./cgroup_mounts.ts";
import { cgroupLimits } from "./cgroup_limits.ts";

const HYBRID = `cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
`;
const UNIFIED = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
const RESOURCES = { cpu: { limit: "1.5", request: "250m" }, memory: { limit: "1Gi", request: "512Mi" } };

Deno.test("parseCgroupMounts() distinguishes version 1, version 2 and both", () => {
  assert.deepEqual(parseCgroupMounts(HYBRID), {
    cpu: "/sys/fs/cgroup/cpu,cpuacct",
    memory: "/sys/fs/cgroup/memory",
    unified: "/sys/fs/cgroup/unified",
  });
  assert.deepEqual(parseCgroupMounts(UNIFIED), { unified: "/sys/fs/cgroup" });
  assert.deepEqual(parseCgroupMounts("proc /proc proc rw 0 0\n"), {});
});

Deno.test("cgroupLimits() writes the files of the available version", () => {
  const listWritten = (mounts: string) =>
    cgroupLimits(parseCgroupMounts(mounts), RESOURCES).map((l) => `${l.mount} ${l.file}=${l.value}`);
  assert.deepEqual(listWritten(HYBRID), [
    "cpu cpu.cfs_quota_us=150000",
    "cpu cpu.shares=256",
    "memory memory.limit_in_bytes=1073741824",
    "memory memory.memsw.limit_in_bytes=1073741824",
    "memory memory.soft_limit_in_bytes=536870912",
  ]);
  assert.deepEqual(listWritten(UNIFIED), [
    "unified cpu.max=150000 100000",
    "unified cpu.weight=25",
    "unified memory.max=1073741824",
    "unified memory.swap.max=0",
    "unified memory.low=536870912",
  ]);
});

Deno.test("makeCgroups() refuses a limit that the host does not support", async () => {
  const unified = await Deno.makeTempDir({ prefix: "rune-cgroup-" });
  try {
    const made = makeCgroups({ unified }, { group: "run", resources: { memory: { limit: "1Gi" } } });
    await assert.rejects(made, { code: "failed_precondition", permanent: true });
    await assert.rejects(
      makeCgroups({}, { group: "run", resources: { cpu: { limit: "1" } } }),
      /no control group/,
    );
    assert.deepEqual(await makeCgroups({}, { group: "run" }), []);
    const files = await makeCgroups({ unified }, { group: "run", tracker: "unified" });
    assert.deepEqual(files, [`${unified}/rune/run/cgroup.procs`]);
  } finally {
    await Deno.remove(unified, { recursive: true });
  }
});
