/**
 * An invariant: whatever is cast, scaled, restarted and killed, no volume ever has a second writer, or a
 * reader beside a writer. Runs random operations for a while. It prints the seed, and `RUNE_SEED` repeats it.
 * @module
 */
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import {
  daemonizingScript,
  inGroupBelow,
  readerScript,
  stubbornScript,
  writerScript,
} from "./access_judge.ts";
import { type Competitors, tryAccess } from "./access_world.ts";
import { becomeOrdinaryUser, openDaemonView, WITHOUT_VERSION_2 } from "./daemon_view.ts";
import { noDocker, noRoot } from "./skips.ts";

const SECONDS = Deno.env.get("RUNE_ACCESS_SECONDS");

const CONTAINER_PAUSE = "usleep 40000";
const HOST_PAUSE = "sleep 0.04";

/** The competitors: bodies of services by name. `v` is a local volume, `h` a directory of the host. */
function allKinds({ reports }: { reports: string }): Competitors {
  const container = (script: string) => ({ image: TEST_IMAGE, command: ["/bin/sh", "-c", script] });
  const process = (script: string) => ({ process: { command: "/bin/sh", args: ["-c", script] } });
  const claim = (name: string, readOnly = false) => ({
    volumes: [{ name: "d", mountPath: "/data", readOnly, claim: { name } }],
  });
  const template = { size: "1Gi", accessMode: "ReadWriteOnce" };
  const writer = container(writerScript("$(cat /proc/sys/kernel/random/uuid)", CONTAINER_PAUSE));
  const alarm = `touch ${reports}/$$; exit 99`;
  return {
    "v-writer-a": { most: 1, body: { ...writer, ...claim("v") } },
    "v-writer-b": { most: 1, body: { ...writer, ...claim("v") } },
    "v-readers": { most: 2, body: { ...container(readerScript(CONTAINER_PAUSE)), ...claim("v", true) } },
    "h-process": {
      most: 1,
      body: {
        ...process(stubbornScript("process-$(cat /proc/sys/kernel/random/uuid)", HOST_PAUSE)),
        ...claim("h"),
      },
    },
    "h-container": { most: 1, body: { ...writer, ...claim("h") } },
    "h-readers": { most: 2, body: { ...process(readerScript(HOST_PAUSE, alarm)), ...claim("h", true) } },
    "own": {
      most: 2,
      body: { ...writer, volumes: [{ name: "d", mountPath: "/data", claimTemplate: template }] },
    },
  };
}

/** Processes that compete for a directory of the host, and whose end is hard to detect. */
function processes({ mountPath = "/data", groups }: { mountPath?: string; groups: boolean }): Competitors {
  const volumes = [{ name: "d", mountPath, claim: { name: "h" } }];
  const service = (script: string) => ({
    most: 1,
    body: { stopTimeout: "300ms", process: { command: "/bin/sh", args: ["-c", script] }, volumes },
  });
  const id = (name: string) => `${name}-$(cat /proc/sys/kernel/random/uuid)`;
  const daemonizing = daemonizingScript(id("daemon"), HOST_PAUSE, mountPath);
  return {
    daemonizing: service(daemonizing),
    stubborn: service(stubbornScript(id("stubborn"), HOST_PAUSE, mountPath)),
    ...groups && { below: service(`${inGroupBelow}; ${daemonizing}`) },
  };
}

Deno.test({
  name:
    "no volume ever has a second writer, nor readers beside a writer: random casts, scales, restarts and kills",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await tryAccess({
      runMs: Number(SECONDS ?? 30) * 1000,
      leastRuns: 6,
      competitors: allKinds,
      containers: true,
      local: ["v", "d-own-0", "d-own-1"],
      last: ["v-writer-b", "h-process", "own"],
    });
  },
});

Deno.test({
  name:
    "no volume has a second writer among processes that daemonize, move into child groups and ignore SIGTERM",
  ignore: noRoot,
  fn: () =>
    tryAccess({
      runMs: Number(SECONDS ?? 10) * 1000,
      leastRuns: 3,
      competitors: () => processes({ groups: true }),
      containers: false,
      local: [],
      last: ["below"],
    }),
});

Deno.test({
  name: "no volume has a second writer among such processes where cgroup version 2 is hidden",
  ignore: noRoot,
  async fn() {
    await using view = await openDaemonView(WITHOUT_VERSION_2);
    await tryAccess({
      runMs: Number(SECONDS ?? 10) * 1000,
      leastRuns: 3,
      competitors: () => processes({ groups: true }),
      containers: false,
      local: [],
      last: ["below"],
      tracked: "freezer",
      host: { prefix: view.prefix },
      daemonViews: [view.pid],
    });
  },
});

Deno.test({
  name: "no volume has a second writer among such processes of a daemon that is not root",
  ignore: noRoot,
  async fn() {
    await using user = await becomeOrdinaryUser();
    await tryAccess({
      runMs: Number(SECONDS ?? 10) * 1000,
      leastRuns: 3,
      competitors: ({ directory }) => processes({ mountPath: directory, groups: false }),
      containers: false,
      local: [],
      last: ["daemonizing"],
      tracked: "namespace",
      host: { ...user.host, owner: user.owner },
      owner: user.owner,
      daemonViews: [user.view.pid],
    });
  },
});
