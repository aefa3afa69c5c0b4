/**
 * Watches every run of a directory while a daemon runs. It notices their ends, ends processes that a main
 * process left behind, records outcomes, and maintains their logs. One inotify watch covers all runs,
 * including those of an earlier daemon. A tick every second handles marks and rotation, and changes that a
 * watch cannot see (a run whose wrapper was killed).
 * @module
 */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import type { Logger } from "@logtape/logtape";
import { KeyedLock } from "../../base/keyed_lock.ts";
import { RuneError } from "../../model/error.ts";
import type { RunSpec } from "../runner.ts";
import { Bell } from "./bell.ts";
import { groupOf, wasOomKilled } from "./cgroup.ts";
import { type CgroupMounts, findCgroupMounts } from "./cgroup_mounts.ts";
import { EventHub } from "./event_hub.ts";
import { addMark, logSizes, type Places, rotate, type Rotation } from "./log_file.ts";
import { countLeft } from "./left_behind.ts";
import { GroupRemover } from "./group_remover.ts";
import { type Host, runMembers, signalMembers, trackingOf } from "./members.ts";
import { observe, observeHost } from "./observe.ts";
import { readSame } from "./proc.ts";
import {
  type Claim,
  hasGroup,
  type Outcome,
  parseRunName,
  readClaim,
  readExit,
  refOf,
  resetRun,
  type RunFiles,
  runFiles,
  writeOutcome,
} from "./records.ts";
import { endStrays, findStrays, lostGroups, type Stray } from "./strays.ts";
import joinScript from "./join.sh" with { type: "text" };
import setupScript from "./setup.sh" with { type: "text" };
import terminalScript from "./terminal.sh" with { type: "text" };
import wrapperScript from "./wrapper.sh" with { type: "text" };

const SCRIPTS = {
  "wrapper.sh": wrapperScript,
  "setup.sh": setupScript,
  "join.sh": joinScript,
  "terminal.sh": terminalScript,
};
const TICK_MS = 1_000;
/**
 * The interval while a log grows by more than one chunk between two ticks, so that the kept amount does not
 * depend on the speed.
 */
const HURRIED_TICK_MS = 50;
/** How long processes that a main process left behind may take to end; the default of services. */
const LEFTOVER_MS = 10_000;
/** How long a process without a record may take to end; the default of services. */
const STRAY_MS = 10_000;
/** How long the kernel may take to end killed processes. */
const REST_MS = 5_000;
const SIGNAL = /^(.+)\.(alive|ready|exit)$/;

/** Options of a supervisor. */
export interface SupervisorOptions {
  dir: string;
  daemonId: string;
  cgroups?: CgroupMounts;
  rotation: Rotation;
  logger?: Logger;
}

interface LiveRun {
  files: RunFiles;
  leader: Claim;
  /** Sizes of its logs at the last mark. */
  marked: Places;
}

/** Watches the runs of one directory; see the module comment. */
export class Supervisor {
  readonly root: string;
  readonly host: Host;
  readonly bell = new Bell();
  readonly hub = new EventHub();
  readonly groups: GroupRemover;
  /** Runs that stop() is ending, which knows their time limit; `killed` once it sent SIGKILL. */
  readonly stopping = new Map<string, { killed: boolean }>();
  /**
   * Runs whose main process ended by itself with success, and how many processes it left, while these are
   * ending.
   */
  readonly leaving = new Map<string, number>();
  /** Pids of the commands of `exec` in each run, which do not count as processes that the run left behind. */
  readonly #commands = new Map<string, Set<number>>();

  readonly #rotation: Rotation;
  readonly #logger?: Logger;
  readonly #watcher: Deno.FsWatcher;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #live = new Map<string, LiveRun>();
  readonly #settling = new KeyedLock();
  readonly #calls = new KeyedLock();
  readonly #background = new Set<Promise<void>>();
  #ticking = false;
  #hurried?: ReturnType<typeof setTimeout>;
  #closed = false;
  readonly #stopped = new AbortController();
  /** Settles when no process without a record is left; undefined if there was none. */
  readonly #clearing?: Promise<void>;

  readonly daemonId: string;

  constructor({ dir, daemonId, rotation, logger, cgroups = findCgroupMounts() }: SupervisorOptions) {
    this.root = dir;
    this.daemonId = daemonId;
    this.#rotation = rotation;
    this.#logger = logger;
    mkdirSync(`${dir}/signals`, { recursive: true, mode: 0o700 });
    for (const [name, text] of Object.entries(SCRIPTS)) {
      // By rename, because the shells of running runs continue to read their script.
      writeFileSync(`${dir}/${name}.next`, text, { mode: 0o600 });
      renameSync(`${dir}/${name}.next`, `${dir}/${name}`);
    }
    // Remains of an earlier daemon's interrupted create() and remove().
    for (const { name } of Deno.readDirSync(dir)) {
      if (/^\.(making|removed)-/.test(name)) Deno.removeSync(`${dir}/${name}`, { recursive: true });
    }
    this.host = observeHost(cgroups);
    this.#watcher = Deno.watchFs(`${dir}/signals`, { recursive: false });
    this.#timer = setInterval(() => this.#inBackground(this.#tick()), TICK_MS);
    this.#timer.unref();
    this.groups = new GroupRemover(cgroups, logger);
    for (const group of lostGroups(dir, { cgroups, daemonId })) this.groups.removeLater(group);
    const strays = findStrays(dir, { cgroups, daemonId });
    if (strays.length > 0) {
      this.#clearing = this.#clear(strays);
      this.#inBackground(this.#clearing);
    }
    this.#inBackground(this.#watch());
    this.#inBackground(this.#adopt());
  }

  /** The name of a run's control group. */
  groupOf(files: RunFiles): string {
    return groupOf(this.daemonId, files.name);
  }

  /** The pids of the commands of `exec` in a run. The caller keeps them up to date. */
  commandsOf({ name }: RunFiles): Set<number> {
    const known = this.#commands.get(name) ?? new Set();
    this.#commands.set(name, known);
    return known;
  }

  /** Removes the control groups of a run that has no processes, now or when the kernel allows it. */
  async removeGroups(files: RunFiles): Promise<void> {
    const tracking = await trackingOf(files, this.host);
    const groups = new Set([this.groupOf(files), ...(hasGroup(tracking) ? [tracking.group] : [])]);
    for (const group of groups) await this.groups.remove(group);
  }

  /**
   * Ends the remaining processes of a run whose end is recorded. Versions that did not check groups below a
   * control group recorded it too early.
   *
   * @throws {RuneError} `unavailable` if they do not end.
   */
  async endRest(files: RunFiles): Promise<void> {
    const claim = await readClaim(files);
    const tracking = await trackingOf(files, this.host);
    if (typeof claim !== "object" || !hasGroup(tracking)) return;
    if (!runMembers(files, { claim, host: this.host, tracking }).alive) return;
    const signal = AbortSignal.timeout(REST_MS);
    await endStrays([{ name: files.name, tracking, leader: claim }], { host: this.host, graceMs: 0, signal })
      .catch((cause) => {
        throw new RuneError("unavailable", `processes of run ${files.name} do not end`, {
          hint: `look at the host for what keeps them: ${tracking.group} is their control group`,
          cause,
        });
      });
  }

  /** Resolves when nothing of this directory runs without a record. @throws if it is closed first. */
  async waitUntilClear(): Promise<void> {
    await this.#clearing;
  }

  /** Runs `fn` exclusively among the calls for this run that change its records. */
  async exclusive<T>(name: string, fn: () => Promise<T>): Promise<T> {
    return await this.#calls.run([name], { work: fn });
  }

  /** Brings the record of a run up to date: tracks it while it lives, ends leftovers, records its end. */
  async settle(files: RunFiles): Promise<void> {
    // A call under way may have checked before the change that this caller knows of.
    await this.#settling.run([files.name], { work: () => this.#settle(files) });
  }

  /** Notifies all subscribers that a run changed. */
  publish(files: RunFiles, { namespace, instance }: RunSpec): void {
    this.bell.ring(files.name);
    this.hub.publish({ type: "changed", ref: refOf(files), namespace, instance });
  }

  /** Stops watching. Runs go on. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopped.abort();
    clearInterval(this.#timer);
    clearTimeout(this.#hurried);
    this.#watcher.close();
    this.hub.close();
    this.bell.ringAll();
    await Promise.allSettled([...this.#background, this.#settling.waitForIdle()]);
  }

  async #clear(strays: Stray[]): Promise<void> {
    const names = strays.map(({ name }) => name).join(", ");
    this.#logger?.warn("processes without a record are ended before anything starts: {names}", { names });
    await endStrays(strays, { host: this.host, graceMs: STRAY_MS, signal: this.#stopped.signal });
    for (const { tracking } of strays) {
      if (hasGroup(tracking)) await this.groups.remove(tracking.group);
    }
  }

  async #settle(files: RunFiles): Promise<void> {
    using listener = this.bell.listen(files.name);
    let patience = 5;
    let killAt: number | undefined;
    let leftBehind = 0;
    while (!this.#closed) {
      const found = await observe(files, this.host);
      if (found.state === "running") {
        this.#track(files, found.leader);
        return;
      }
      if (found.state === "gone") {
        const killed = this.stopping.get(files.name)?.killed ? { exitCode: 137, killed: true as const } : {};
        const left = leftBehind > 0 ? { leftBehind } : {};
        return await this.#finish(files, {
          spec: found.spec,
          outcome: { ...killed, ...left, ...found.outcome },
        });
      }
      if (found.state === "unfinished") {
        await resetRun(files);
        return this.publish(files, found.spec);
      }
      if (found.state !== "ending" || this.stopping.has(files.name)) return;
      // The wrapper ends by itself, unless somebody has stopped it.
      const others = found.members.filter(({ pid }) => pid !== found.leader.pid);
      if (killAt === undefined) {
        killAt = performance.now() + LEFTOVER_MS;
        leftBehind = countLeft(others, { leader: found.leader, commands: this.commandsOf(files) });
        if (leftBehind > 0 && (await readExit(files))?.code === 0) {
          this.leaving.set(files.name, leftBehind);
          this.publish(files, found.spec);
        }
        signalMembers(this.host, { ...found, members: others }, "SIGTERM");
      } else if (performance.now() > killAt) {
        signalMembers(this.host, found, "SIGKILL");
      }
      await listener.next(patience);
      patience = Math.min(patience * 2, 100);
    }
  }

  /** Records the end of a run without processes, and notifies all subscribers. */
  async #finish(files: RunFiles, { spec, outcome }: { spec: RunSpec; outcome: Outcome }): Promise<void> {
    const tracking = await trackingOf(files, this.host);
    const group = hasGroup(tracking) ? tracking.group : this.groupOf(files);
    if (spec.resources?.memory?.limit !== undefined && await wasOomKilled(this.host.cgroups, group)) {
      outcome = { ...outcome, oomKilled: true };
    }
    await addMark(files, logSizes(files));
    await rotate(files, this.#rotation);
    await writeOutcome(files, outcome);
    this.#live.delete(files.name);
    this.#commands.delete(files.name);
    this.leaving.delete(files.name);
    await this.removeGroups(files);
    this.publish(files, spec);
  }

  #track(files: RunFiles, leader: Claim): void {
    if (this.#live.has(files.name)) return;
    this.#live.set(files.name, { files, leader, marked: { stdout: 0, stderr: 0 } });
  }

  async #watch(): Promise<void> {
    for await (const event of this.#watcher) {
      if (event.flag === "rescan") this.#inBackground(this.#adopt());
      for (const path of event.paths) {
        const [, name, signal] = SIGNAL.exec(path.slice(path.lastIndexOf("/") + 1)) ?? [];
        const ref = name === undefined ? undefined : parseRunName(name);
        // inotify reports a dangling link, like `exit`, as removed when it is created.
        if (!ref || (event.kind === "remove" && signal !== "exit")) continue;
        this.bell.ring(name!);
        // `access` of `alive` means that it was closed: the wrapper has ended.
        if (signal === "exit" || (signal === "alive" && event.kind === "access")) {
          this.#inBackground(this.settle(runFiles(this.root, ref)));
        }
      }
    }
  }

  async #adopt(): Promise<void> {
    for await (const { name } of Deno.readDir(this.root)) {
      if (this.#closed) return;
      const ref = parseRunName(name);
      if (ref) this.#inBackground(this.settle(runFiles(this.root, ref)));
    }
  }

  async #tick(): Promise<void> {
    if (this.#ticking) return;
    this.#ticking = true;
    let hurry = false;
    try {
      this.groups.retry();
      for (const run of this.#live.values()) {
        if (!readSame(run.leader)) {
          this.#inBackground(this.settle(run.files));
        }
        const sizes = logSizes(run.files);
        if (sizes.stdout === run.marked.stdout && sizes.stderr === run.marked.stderr) continue;
        const grown = Math.max(sizes.stdout - run.marked.stdout, sizes.stderr - run.marked.stderr);
        if (grown > this.#rotation.chunk) hurry = true;
        run.marked = sizes;
        await addMark(run.files, sizes);
        await rotate(run.files, this.#rotation);
      }
    } finally {
      this.#ticking = false;
    }
    if (!hurry || this.#closed) return;
    clearTimeout(this.#hurried);
    this.#hurried = setTimeout(() => this.#inBackground(this.#tick()), HURRIED_TICK_MS);
    this.#hurried.unref();
  }

  #inBackground(work: Promise<void>): void {
    const noted = work.catch((error) => {
      if (!this.#closed) this.#logger?.warn("watching process runs failed: {error}", { error });
    }).finally(() => this.#background.delete(noted));
    this.#background.add(noted);
  }
}
