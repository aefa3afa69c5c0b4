/**
 * The world of a simulation: everything outside the daemon that outlives it (runs, volumes, the disk, what is
 * shown to runs and locked on the host), and what must hold at every moment.
 * @module
 */
import type { Gate } from "../../base/testing/gate.ts";
import type { VirtualTime } from "../../base/testing/virtual_time.ts";
import type { Clock } from "../../base/clock.ts";
import type { MemoryVolume } from "../../drivers/testing/memory_volumes.ts";
import type { Node } from "../../node/node.ts";
import { fixedSecrets } from "../../node/testing/drivers.ts";
import { MemoryMachine } from "../../node/testing/memory_machine.ts";
import type { RunEvent } from "../../runners/runner.ts";
import { type MemoryRun, MemoryRuns } from "../../runners/testing/memory_runs.ts";
import { MemoryDisk } from "../../store/testing/memory_kv.ts";
import { pick } from "./chance.ts";

/** How long its volumes stay attached after their last mount. */
const DETACH_GRACE_MS = 20_000;

/** A broken promise, described in a sentence. */
export class Violation extends Error {
  /** @param promise its name; shrinking looks for the same one. */
  constructor(readonly promise: string, message: string) {
    super(`${promise}: ${message}`);
  }
}

/** See the module comment. */
export class World {
  readonly disk = new MemoryDisk();
  readonly machine: MemoryMachine;
  /** Uids of volumes that are being copied for a snapshot while their writers are paused. */
  readonly copying = new Set<string>();
  /** Uids of volumes that some run could write. */
  readonly written = new Set<string>();
  /** Uids of volumes whose data is kept when they are deleted. */
  readonly kept = new Set<string>();
  /** How often an event is delivered. */
  copiesOf: (event: RunEvent) => number = () => 1;
  /** The first promise broken since the last check. */
  broken: Violation | undefined;

  constructor(seed: number, time: VirtualTime) {
    const runs = new MemoryRuns({
      after: time.after,
      copiesOf: (event) => this.copiesOf(event),
      // One in four ignores the stop signal and is killed.
      programOf: ({ instanceUid }) =>
        pick(4, seed, "program", instanceUid) === 0 ? {} : { heeds: { SIGTERM: 0 } },
    });
    this.machine = new MemoryMachine(runs);
  }

  get runs(): MemoryRuns {
    return this.machine.runs;
  }

  get volumes(): MemoryMachine["volumes"] {
    return this.machine.volumes;
  }

  /** The node through which a daemon reaches it. */
  openNode(gate: Gate, clock: Clock): Node {
    return this.machine.openNode({
      gate,
      clock,
      secrets: fixedSecrets(),
      onCopy: (volume, phase) =>
        phase === "begins" ? this.copying.add(volume.uid) : this.copying.delete(volume.uid),
      onMount: (volume, { blank }) => this.#checkBlank(volume, blank),
      onDelete: (volume) => this.#checkDeletion(volume),
      capabilities: { blockDevice: true, detachGraceMs: DETACH_GRACE_MS },
    });
  }

  /** The daemon died: nobody gets answers any more, and its memory is lost. */
  forgetDaemon(): void {
    this.runs.forgetListeners();
    this.copying.clear();
  }

  /** The runs that use a volume now. */
  usersOf(volume: MemoryVolume): { run: MemoryRun; readOnly: boolean }[] {
    return this.runs.all().filter(({ state }) => state.state === "running").flatMap((run) =>
      run.spec.mounts.filter(({ source }) => this.machine.pathOf(source) === this.volumes.pathOf(volume))
        .map(({ readOnly }) => ({ run, readOnly }))
    );
  }

  /** Throws a {@linkcode Violation} for whatever does not hold now. */
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

  #checkBlank({ uid, name }: MemoryVolume, blank: boolean): void {
    if (!blank || !this.written.has(uid)) return;
    this.broken ??= new Violation("blank once", `volume ${name} was written, and counts as blank`);
  }

  #checkDeletion(volume: MemoryVolume): void {
    const [user] = this.usersOf(volume);
    const why = user ? `is used by ${nameOf(user)}` : volume.mounted ? "is mounted" : undefined;
    if (why) this.broken ??= new Violation("kept while used", `volume ${volume.name} is deleted and ${why}`);
  }
}

function nameOf({ run: { state } }: { run: MemoryRun }): string {
  return `run ${state.run} of ${state.instance}`;
}
