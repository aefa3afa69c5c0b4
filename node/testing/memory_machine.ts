/**
 * A machine in memory: what there is of it outside the daemon and outlives it (runs, volumes, what is shown
 * to runs and held of the host, files of runs), and the node by which a daemon reaches it. The node is put
 * together as the one of a real machine is; only its parts are fakes, and every call of theirs passes a gate.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { type Gate, OPEN_GATE } from "../../base/testing/gate.ts";
import { MemoryDriver, type MemoryDriverOptions } from "../../drivers/testing/memory_driver.ts";
import { type MemoryVolume, MemoryVolumes } from "../../drivers/testing/memory_volumes.ts";
import type { RunRef } from "../../runners/runner.ts";
import { createMemoryRunner } from "../../runners/testing/memory_runner.ts";
import { type MemoryRun, MemoryRuns } from "../../runners/testing/memory_runs.ts";
import type { SecretReader } from "../../store/secrets/vault.ts";
import { assembleNode, type NodeParts } from "../assemble_node.ts";
import type { RunFiles } from "../files.ts";
import type { Stage } from "../mounts/stage.ts";
import type { Node } from "../node.ts";
import { createMemoryHost, type MemoryHost } from "./memory_host.ts";
import { NO_PROXY } from "./no_proxy.ts";
import { fixedInstallation } from "./installation.ts";

const STAGE = "/memory/stage";

/** How a daemon reaches the machine. */
export interface MemoryNodeOptions
  extends Pick<MemoryDriverOptions, "onCopy" | "onMount" | "onDelete" | "capabilities"> {
  gate?: Gate;
  secrets: SecretReader;
  clock: Clock;
}

/** See the module comment. */
export class MemoryMachine {
  readonly volumes = new MemoryVolumes();
  readonly runs: MemoryRuns;
  /** What the stage shows: the path of a volume, by id. */
  readonly shown = new Map<string, string>();
  /** What is held of the host: the name, by the volume's uid. */
  readonly held = new Map<string, string>();
  /** Files of runs: `<uid>-<run>`. */
  readonly files = new Map<string, RunRef>();
  bootId = "boot-1";
  readonly #shownBefore = new Map<string, string>();
  readonly #host: MemoryHost;

  constructor(runs: MemoryRuns) {
    this.runs = runs;
    this.#host = createMemoryHost({
      find: (path) => this.volumeAt(path),
      placesOf: (pid) => {
        const run = this.runs.all().find(({ state }) => state.pid === pid);
        return run && this.#volumesOf(run).map((volume) => this.volumes.pathOf(volume));
      },
    });
  }

  /** The volume that a path of the host or of the stage shows. */
  volumeAt(path: string): MemoryVolume | undefined {
    const place = path.startsWith(`${STAGE}/`) ? this.shown.get(path.slice(STAGE.length + 1)) : path;
    return place === undefined ? undefined : this.volumes.at(place);
  }

  /** Where a mount of a run leads, also when the stage shows it no more: a run keeps what it has. */
  pathOf(source: string): string | undefined {
    return this.#shownBefore.get(source);
  }

  /** The node by which one daemon reaches it: `node`, with the driver `local` and the runner `docker`. */
  openNode({ gate = OPEN_GATE, secrets, clock, ...driver }: MemoryNodeOptions): Node {
    return assembleNode({
      ...{
        name: "node",
        installation: fixedInstallation("node"),
        labels: {},
        bootId: this.bootId,
        containsProcesses: true,
      },
      ...{ secrets, clock, proxy: NO_PROXY },
      drivers: new Map([
        ["local", new MemoryDriver({ name: "local", volumes: this.volumes, gate, ...driver })],
      ]),
      runners: new Map([["docker", createMemoryRunner({ runs: this.runs, gate })]]),
      stage: this.#stage(gate),
      holds: this.#holds(),
      files: this.#runFiles(gate),
      host: this.#host,
    });
  }

  /** The machine starts anew: nothing runs, nothing is mounted. */
  reboot(bootId: string): void {
    for (const run of this.runs.all()) {
      this.runs.resume(run);
      this.runs.end(run, { exitCode: 255 });
    }
    for (const volume of this.volumes.volumes.values()) volume.attached = volume.mounted = false;
    this.shown.clear();
    this.held.clear();
    this.bootId = bootId;
  }

  #volumesOf(run: MemoryRun): MemoryVolume[] {
    return run.spec.mounts.flatMap(({ source }) => {
      const path = this.pathOf(source);
      const volume = path === undefined ? undefined : this.volumes.at(path);
      return volume ? [volume] : [];
    });
  }

  #holds(): NodeParts["holds"] {
    return {
      take: async (_where, { uid, name }) => void this.held.set(uid, name),
      release: async (uid) => void this.held.delete(uid),
      list: async () => [...this.held.keys()],
    };
  }

  #stage(gate: Gate): Stage {
    const pass = (name: string, id: string) => gate.enter({ name: `stage.${name}`, subject: id });
    return {
      show: async (id, directory) => {
        await pass("show", id);
        const opened = this.#host.pathOf(directory);
        const path = opened.startsWith(`${STAGE}/`) ? this.pathOf(opened)! : opened;
        this.shown.set(id, path);
        this.#shownBefore.set(`${STAGE}/${id}`, path);
        return `${STAGE}/${id}`;
      },
      hide: async (id) => {
        await pass("hide", id);
        this.shown.delete(id);
      },
      list: async () => [...this.shown.keys()],
    };
  }

  #runFiles(gate: Gate): RunFiles {
    const removeWhere = (unwanted: (run: RunRef) => boolean): void => {
      for (const [key, run] of this.files) if (unwanted(run)) this.files.delete(key);
    };
    return {
      prepare: async (run, { mounts }) => {
        const { instanceUid } = run;
        await gate.enter({ name: "files.prepare", subject: instanceUid });
        removeWhere((other) => other.instanceUid === instanceUid && other.run < run.run);
        if (mounts.length === 0) return [];
        const key = `${instanceUid}-${run.run}`;
        this.files.set(key, { instanceUid, run: run.run });
        return mounts.map(({ target }, i) => ({
          source: `/memory/files/${key}/${i}`,
          target,
          readOnly: true,
        }));
      },
      remove: async (uid) => removeWhere(({ instanceUid }) => instanceUid === uid),
      list: async () => [...this.files.values()],
      discard: async (runs) =>
        removeWhere(({ instanceUid, run }) =>
          runs.some((other) => other.instanceUid === instanceUid && other.run === run)
        ),
      detachElsewhere: () => Promise.resolve(0),
    };
  }
}
