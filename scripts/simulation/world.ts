/**
 * The world of a simulation: what there is outside the daemon and outlives it (runs, volumes, the disk, what is shown to runs and
 * held of the host), and what must be true of it at every moment.
 * @module
 */
import type { FileHandle } from "node:fs/promises";
import type { Gate } from "../../base/testing/gate.ts";
import type { DirectoryHolds } from "../../drivers/directory_hold.ts";
import { MemoryDriver } from "../../drivers/testing/memory_driver.ts";
import { descriptorPath, useMemoryDirectories } from "../../drivers/testing/memory_directories.ts";
import { type MemoryVolume, MemoryVolumes } from "../../drivers/testing/memory_volumes.ts";
import type { Stage } from "../../node/mounts/stage.ts";
import type { RunFiles } from "../../node/run_files.ts";
import type { RunEvent } from "../../runners/runner.ts";
import { createMemoryRunner } from "../../runners/testing/memory_runner.ts";
import { type MemoryRun, MemoryRuns } from "../../runners/testing/memory_runs.ts";
import { MemoryDisk } from "../../store/testing/memory_kv.ts";
import { pick } from "./chance.ts";
import { mountsOfRuns } from "./memory_mounts.ts";
import type { VirtualTime } from "../../base/testing/virtual_time.ts";

const STAGE = "/memory/stage";

/** What broke a promise, in a sentence. */
export class Violation extends Error {
  /** @param promise which one: shrinking keeps to it. */
  constructor(readonly promise: string, message: string) {
    super(`${promise}: ${message}`);
  }
}

/** See the module comment. */
export class World {
  readonly disk = new MemoryDisk();
  readonly volumes = new MemoryVolumes();
  readonly runs: MemoryRuns;
  /** What the stage shows: the path of a volume, by id. */
  readonly shown = new Map<string, string>();
  /** What is held of the host: the name, by the volume's uid. */
  readonly held = new Map<string, string>();
  /** Files of runs: `<uid>-<run>`. */
  readonly files = new Map<string, { instanceUid: string; run: number }>();
  /** Uids of volumes that are being copied for a snapshot, with their writers held still. */
  readonly copying = new Set<string>();
  /** Uids of volumes that some run could write. */
  readonly written = new Set<string>();
  /** Uids of volumes whose data stays when they are deleted. */
  readonly kept = new Set<string>();
  bootId = "boot-1";
  /** How often an event arrives. */
  copiesOf: (event: RunEvent) => number = () => 1;
  /** What was broken since it was last asked. */
  broken: Violation | undefined;

  constructor(seed: number, time: VirtualTime) {
    this.runs = new MemoryRuns({
      after: time.after,
      copiesOf: (event) => this.copiesOf(event),
      // One in four does not heed the signal that asks it to end, and is killed.
      programOf: ({ instanceUid }) =>
        pick(4, seed, "program", instanceUid) === 0 ? {} : { heeds: { SIGTERM: 0 } },
    });
    useMemoryDirectories((path) => this.volumeAt(path));
    mountsOfRuns.placesOf = (pid) => {
      const run = this.runs.all().find(({ state }) => state.pid === pid);
      return run && this.#volumesOf(run).map((v) => this.volumes.pathOf(v));
    };
  }

  /** The volume that a path of the host or of the stage shows. */
  volumeAt(path: string): MemoryVolume | undefined {
    const place = path.startsWith(`${STAGE}/`) ? this.shown.get(path.slice(STAGE.length + 1)) : path;
    return place === undefined ? undefined : this.volumes.at(place);
  }

  /** What a daemon reaches it by. */
  openNode(gate: Gate) {
    const held: Pick<DirectoryHolds, "take" | "release" | "list"> = {
      take: async (_where, { uid, name }) => void this.held.set(uid, name),
      release: async (uid) => void this.held.delete(uid),
      list: async () => [...this.held.keys()],
    };
    return {
      runner: createMemoryRunner({ runs: this.runs, gate }),
      driver: new MemoryDriver({
        name: "local",
        volumes: this.volumes,
        gate,
        onCopy: (volume, phase) =>
          phase === "begins" ? this.copying.add(volume.uid) : this.copying.delete(volume.uid),
        onDelete: (volume) => this.#checkDeletion(volume),
      }),
      stage: this.#stage(gate),
      holds: held as DirectoryHolds,
      files: this.#runFiles(gate),
    };
  }

  /** The daemon has died: nobody hears of anything any more, and what it only knew is gone. */
  forgetDaemon(): void {
    this.runs.forgetListeners();
    this.copying.clear();
  }

  /** The machine starts anew: nothing runs, nothing is mounted. */
  reboot(step: number): void {
    for (const run of this.runs.all()) {
      this.runs.resume(run);
      this.runs.end(run, { exitCode: 255 });
    }
    for (const volume of this.volumes.volumes.values()) volume.attached = volume.mounted = false;
    this.shown.clear();
    this.held.clear();
    this.bootId = `boot-${step}`;
  }

  /** The runs that use a volume now. */
  usersOf(volume: MemoryVolume): { run: MemoryRun; readOnly: boolean }[] {
    return this.runs.all().filter(({ state }) => state.state === "running").flatMap((run) =>
      run.spec.mounts.filter(({ source }) => this.#pathOf(source) === this.volumes.pathOf(volume))
        .map(({ readOnly }) => ({ run, readOnly }))
    );
  }

  /** Throws what is not true now. */
  check(): void {
    if (this.broken) throw this.broken;
    for (const volume of this.volumes.volumes.values()) {
      const users = this.usersOf(volume);
      const writers = users.filter(({ readOnly }) => !readOnly);
      if (writers.length > 1 || (writers.length === 1 && users.length > 1)) {
        throw new Violation(
          "one writer",
          `volume ${volume.name} is used by ${users.map(nameOf).join(" and ")}`,
        );
      }
      if (users.length > 0 && !volume.mounted) {
        throw new Violation(
          "mounted while used",
          `volume ${volume.name} is unmounted under ${nameOf(users[0]!)}`,
        );
      }
      if (writers.length > 0) this.written.add(volume.uid);
      const writer = writers.find(({ run }) => !run.state.paused);
      if (writer && this.copying.has(volume.uid)) {
        throw new Violation(
          "still while copied",
          `${nameOf(writer)} writes volume ${volume.name} during the copy`,
        );
      }
    }
  }

  #checkDeletion(volume: MemoryVolume): void {
    const [user] = this.usersOf(volume);
    const why = user ? `is used by ${nameOf(user)}` : volume.mounted ? "is mounted" : undefined;
    if (why) this.broken ??= new Violation("kept while used", `volume ${volume.name} is deleted and ${why}`);
  }

  /** Where a mount of a run leads, also when the stage shows it no more: a run keeps what it has. */
  #pathOf(source: string): string | undefined {
    return this.#shownBefore.get(source);
  }

  readonly #shownBefore = new Map<string, string>();

  #volumesOf(run: MemoryRun): MemoryVolume[] {
    return run.spec.mounts.flatMap(({ source }) => {
      const path = this.#pathOf(source);
      const volume = path === undefined ? undefined : this.volumes.at(path);
      return volume ? [volume] : [];
    });
  }

  #stage(gate: Gate): Stage {
    const pass = (name: string, id: string) => gate.enter({ name: `stage.${name}`, subject: id });
    return {
      show: async (id: string, directory: FileHandle) => {
        await pass("show", id);
        const opened = descriptorPath(directory);
        const path = opened.startsWith(`${STAGE}/`) ? this.#shownBefore.get(opened)! : opened;
        this.shown.set(id, path);
        this.#shownBefore.set(`${STAGE}/${id}`, path);
        return `${STAGE}/${id}`;
      },
      hide: async (id: string) => {
        await pass("hide", id);
        this.shown.delete(id);
      },
      list: async () => [...this.shown.keys()],
    };
  }

  #runFiles(gate: Gate): RunFiles {
    const removeWhere = (unwanted: (run: { instanceUid: string; run: number }) => boolean): number => {
      const runs = [...this.files].filter(([, run]) => unwanted(run));
      for (const [key] of runs) this.files.delete(key);
      return runs.length;
    };
    return {
      prepare: async (run, mounts) => {
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
      remove: async (uid) => void removeWhere(({ instanceUid }) => instanceUid === uid),
      sweep: async (wanted) => removeWhere((run) => !wanted(run)),
    };
  }
}

function nameOf({ run: { state } }: { run: MemoryRun }): string {
  return `run ${state.run} of ${state.instance}`;
}
