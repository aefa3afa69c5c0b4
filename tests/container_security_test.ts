/** Tests every field of a container's securityContext and resources from inside the container. @module */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { openEngine } from "../scripts/engine.ts";
import { containerService } from "./castfiles.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const NET_ADMIN = 1n << 12n;

async function start(host: Host, name: string, fields: string) {
  await host.rune(
    "cast",
    await host.file(`${name}.yaml`, containerService(name, `  stopTimeout: 1s\n${fields}`)),
  );
  const shell = async (script: string) => {
    const { stdout, stderr } = await host.run(["exec", name, "--", "sh", "-c", script]);
    return stdout + stderr;
  };
  /** A field of the main process's `/proc/1/status`. */
  const main = async (field: string) =>
    new RegExp(`^${field}:\\s+(.*)$`, "m").exec(await shell("cat /proc/1/status"))![1]!;
  return { shell, main };
}

async function isPrivileged(host: Host, service: string): Promise<"yes" | "no" | undefined> {
  const engine = openEngine();
  try {
    const label = [`rune.io/daemon=${host.daemonId}`, `rune.io/service=${service}`];
    const filters = encodeURIComponent(JSON.stringify({ label }));
    const [found] = await engine.call(`GET /containers/json?all=1&filters=${filters}`) as { Id: string }[];
    if (!found) return undefined;
    const { HostConfig } = await engine.call(`GET /containers/${found.Id}/json`) as {
      HostConfig: { Privileged: boolean };
    };
    return HostConfig.Privileged ? "yes" : "no";
  } finally {
    engine.close();
  }
}

Deno.test({
  name:
    "user, group, capabilities, read-only root, no-new-privileges, seccomp and limits apply inside a container",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const profile = await host.file(
      "no-chmod.json",
      JSON.stringify({
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["chmod", "fchmod", "fchmodat"], action: "SCMP_ACT_ERRNO" }],
      }),
    );
    const plain = await start(host, "plain", "");
    assert.match(await plain.shell("touch /tmp/x; chmod 600 /tmp/x && echo done"), /done/);
    assert.equal(await plain.main("NoNewPrivs"), "0");
    assert.equal(await plain.main("Seccomp"), "2", "the Engine's own profile unless another is named");

    const strict = await start(
      host,
      "strict",
      `  securityContext:
    user: "1000"
    group: "1234"
    capDrop: [ALL]
    readOnlyRootFilesystem: true
    noNewPrivileges: true
    seccompProfile: ${profile}
  resources: { memory: { limit: 64Mi }, cpu: { limit: 500m } }
`,
    );
    assert.equal(await strict.shell("id -u; id -g"), "1000\n1234\n");
    assert.match(await strict.shell("touch /tmp/x"), /[Rr]ead-only/);
    assert.match(await strict.shell("chmod 600 /dev/shm"), /not permitted/);
    assert.equal(await strict.main("NoNewPrivs"), "1");
    assert.equal(BigInt(`0x${await strict.main("CapBnd")}`), 0n);
    const limit = await strict.shell(
      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null",
    );
    assert.equal(limit.trim(), String(64 << 20));
    const quota = await strict.shell(
      "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null",
    );
    assert.match(quota, /^50000\b/);

    const added = await start(
      host,
      "added",
      "  securityContext: { capAdd: [NET_ADMIN], capDrop: [CHOWN], seccompProfile: unconfined }\n",
    );
    const capabilities = BigInt(`0x${await added.main("CapEff")}`);
    assert.equal(capabilities & NET_ADMIN, NET_ADMIN);
    assert.equal(capabilities & 1n, 0n, "CHOWN is dropped");
    assert.equal(await added.main("Seccomp"), "0");

    // Ask the Engine: if the host is itself a container, it may lack the capabilities for such a container.
    const castfile = containerService("privileged", "  securityContext: { privileged: true }\n");
    await host.rune("cast", "--no-wait", await host.file("privileged.yaml", castfile));
    assert.equal(await until("it is made", () => isPrivileged(host, "privileged")), "yes");
    assert.equal(await isPrivileged(host, "plain"), "no");
    for (const name of ["plain", "strict", "added", "privileged"]) await host.rune("delete", name, "--yes");

    const alone = await host.run([
      "cast",
      await host.file("group.yaml", containerService("g", '  securityContext: { group: "1" }\n')),
    ]);
    assert.equal(alone.code, 6);
    assert.match(alone.stderr, /securityContext\.group: needs securityContext\.user/);
  },
});
