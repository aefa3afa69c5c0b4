/**
 * The process runner: the contract of `runner.ts` for programs of this host. `records.ts` documents what a
 * run is and why it starts at most once. `supervisor.ts` watches runs. Runs outlive this object and the
 * daemon.
 * @module
 */
import type { Logger } from "@logtape/logtape";
import { replaceFile } from "../../base/durable.ts";
import { RuneError, toRuneError } from "../../model/error.ts";
import type { SecurityContext } from "../../model/security.ts";
import type {
  ExecOptions,
  ExecSession,
  LogEntry,
  LogOptions,
  RunEvent,
  Runner,
  RunRef,
  RunSpec,
  RunState,
  StopOptions,
} from "../runner.ts";
import { joinableCgroups, makeCgroups, pickTracker } from "./cgroup.ts";
import type { CgroupMounts } from "./cgroup_mounts.ts";
import { readSecrets } from "./environment.ts";
import { execInRun } from "./exec.ts";
import { isPaused, pauseRun, resumeRun } from "./pause.ts";
import { planLaunch, rehearseLaunch } from "./launch.ts";
import { DEFAULT_ROTATION, type Rotation } from "./log_file.ts";
import { readLogs } from "./log_reader.ts";
import { trackingOf } from "./members.ts";
import { prepareMountPoints } from "./mount_points.ts";
import { observe } from "./observe.ts";
import { planPrivileges } from "./privileges.ts";
import { isLiving, mainOf, toState } from "./run_state.ts";
import {
  hasGroup,
  parseRunName,
  type RecordedSpec,
  recordedSpec,
  removeSignals,
  type RunFiles,
  runFiles,
} from "./records.ts";
import { spawnWrapper } from "./spawn.ts";
import { endRun, throwIfAborted } from "./stop.ts";
import { Supervisor } from "./supervisor.ts";
import { CpuMeter } from "./cpu_meter.ts";
import { makeGroups } from "./groups.ts";
import { noSuchRun, notStarted } from "./run_errors.ts";
import { RunObserver } from "./run_observer.ts";
import { findTool } from "./tools.ts";

/** Options of the process runner. */
export interface ProcessRunnerOptions {
  /** The directory of all runs, created if it is missing. Only one daemon may use it at a time. */
  dir: string;
  /**
   * Names the traces of runs on the host outside the directory, so that their owner is known. Only one daemon
   * may use it at a time.
   */
  daemonId: string;
  /** The hierarchies to use. Default: all of this host. */
  cgroups?: CgroupMounts;
  logger?: Logger;
  /** Default: 10 MiB × 3 a stream. */
  rotation?: Rotation;
  /** Other directories of the daemon. No mount of a run may cover them or be in them. */
  closed?: readonly string[];
}

/** A runner of processes. */
export interface ProcessRunner extends Runner {
  /**
   * Whether it can tell when all processes of a run have ended. If not, no run gets anything to write.
   */
  readonly contains: boolean;
  /**
   * Resolves when no process of this directory runs without a record (see strays.ts). Before that, nothing
   * may be started that could write to the same places.
   *
   * @throws if the runner is closed first.
   */
  waitUntilClear(): Promise<void>;
  /** Stops watching. Processes continue. */
  close(): Promise<void>;
}

/**
 * Creates a runner over a directory and adopts the existing runs.
 *
 * @throws {RuneError} `unavailable` if the directory cannot be written or watched.
 */
export function createProcessRunner(options: ProcessRunnerOptions): ProcessRunner {
  try {
    return new DirectoryRunner(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause;
    throw new RuneError("unavailable", `processes cannot be kept in ${options.dir}: ${reason}`, {
      hint: "let the daemon write its data directory, and look at fs.inotify.max_user_instances",
      cause,
    });
  }
}

class DirectoryRunner implements ProcessRunner {
  readonly name = "process";
  readonly #supervisor: Supervisor;
  readonly #observer: RunObserver;
  /** Values between `create` and `start`, kept only in memory. */
  readonly #secrets = new Map<string, Record<string, string>>();
  readonly #cpu = new CpuMeter();
  readonly #closed: readonly string[];
  constructor({ rotation = DEFAULT_ROTATION, closed = [], ...options }: ProcessRunnerOptions) {
    this.#closed = [options.dir, ...closed];
    this.#supervisor = new Supervisor({ ...options, rotation });
    this.#observer = new RunObserver(this.#supervisor);
  }

  get contains(): boolean {
    return this.#supervisor.host.tracks !== "session";
  }

  async check(signal: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    for (const tool of ["setsid", "sh", "ln", "setpriv"]) {
      await findTool(tool).catch((cause) => {
        throw new RuneError("unavailable", cause.message, { hint: cause.hint, cause });
      });
    }
  }

  async ownerOf(context: SecurityContext): Promise<{ user: number; group: number }> {
    const { account } = await this.#translate(() =>
      planPrivileges({ securityContext: context }, Deno.uid() === 0)
    );
    return { user: account.uid, group: account.gid };
  }

  rehearse: Runner["rehearse"] = (spec, { covered }) => this.#translate(() => rehearseLaunch(spec, covered));

  async create(spec: RunSpec, signal: AbortSignal): Promise<RunState> {
    const files = this.#files(spec);
    return await this.#exclusive(files, async () => {
      throwIfAborted(signal);
      // Even for an existing run: the earlier daemon that created it lost the values.
      if (spec.secretEnv) this.#secrets.set(files.name, spec.secretEnv);
      const found = await this.#observer.observeAlone(files);
      if (found.state !== "absent") return toState(files, found);
      await planLaunch(spec);
      const { cgroups } = this.#supervisor.host;
      try {
        const group = this.#supervisor.groupOf(files);
        this.#supervisor.groups.keep(group);
        await makeCgroups(cgroups, { group, tracker: pickTracker(cgroups), resources: spec.resources });
        const making = `${this.#supervisor.root}/.making-${files.name}`;
        await Deno.mkdir(making, { recursive: true, mode: 0o700 });
        await replaceFile(`${making}/spec.json`, JSON.stringify(recordedSpec(spec)));
        for (const stream of ["stdout", "stderr"]) {
          await Deno.writeTextFile(`${making}/${stream}.log`, "", { mode: 0o600 });
        }
        await Deno.rename(making, files.dir);
      } catch (error) {
        await this.#supervisor.removeGroups(files);
        throw error;
      }
      return toState(files, await observe(files, this.#supervisor.host));
    });
  }

  async start(ref: RunRef, signal: AbortSignal): Promise<RunState> {
    const files = this.#files(ref);
    return await this.#exclusive(files, async () => {
      const { host, bell, root } = this.#supervisor;
      let found = await observe(files, host);
      if (found.state === "unfinished") {
        await this.#supervisor.settle(files);
        found = await observe(files, host);
      }
      if (found.state === "absent") throw noSuchRun(files);
      if (found.state !== "created" && found.state !== "unclaimed") {
        return toState(files, await this.#observer.observeAlone(files));
      }
      const { spec } = found;
      const launch = await planLaunch({ ...spec, secretEnv: this.#secretEnv(files, spec) });
      const mounts = launch.view === "shared" ? [] : await prepareMountPoints(launch.mounts, this.#closed);
      const procs = await makeGroups(files, { spec, supervisor: this.#supervisor });
      throwIfAborted(signal);
      using listener = bell.listen(files.name, signal);
      await replaceFile(`${files.dir}/starting`, "");
      const { daemonId } = this.#supervisor;
      const inNamespace = (await trackingOf(files, host)).by === "namespace";
      const closed = this.#closed;
      await spawnWrapper(files, { root, daemonId, inNamespace, launch, procs, mounts, closed, signal });
      this.#secrets.delete(files.name);
      for (;;) {
        const now = await observe(files, host);
        if (now.state === "unclaimed") throw notStarted(spec);
        if (now.state !== "running" || now.main !== undefined) break;
        throwIfAborted(signal);
        await listener.next(100);
      }
      await this.#supervisor.settle(files);
      this.#supervisor.publish(files, spec);
      const started = await this.#observer.observeAlone(files);
      // settle() has reset it: its set-up ended although this daemon lives.
      if (started.state === "created") throw notStarted(spec);
      return toState(files, started);
    });
  }

  async stop(ref: RunRef, { timeoutMs, signal, stopSignal }: StopOptions): Promise<RunState> {
    const files = this.#files(ref);
    // Waits for a start under way.
    const first = await this.#exclusive(files, () => this.#observer.observeForGood(files));
    if (!isLiving(first)) return toState(files, first);
    const { stopping } = this.#supervisor;
    stopping.set(files.name, { killed: false });
    try {
      resumeRun(this.#supervisor.host.cgroups, first);
      const asked = (stopSignal ?? first.spec.stopSignal ?? "SIGTERM") as Deno.Signal;
      await endRun(files, { supervisor: this.#supervisor, timeoutMs, stopSignal: asked, signal });
    } finally {
      stopping.delete(files.name);
    }
    return toState(files, await this.#observer.observeAlone(files));
  }

  async pause(ref: RunRef, signal: AbortSignal): Promise<RunState> {
    const files = this.#files(ref);
    return await this.#exclusive(files, async () => {
      throwIfAborted(signal);
      const { host } = this.#supervisor;
      const members = async () => {
        const found = await observe(files, host);
        return isLiving(found) ? found.members : [];
      };
      const found = await this.#observer.observeAlone(files);
      if (isLiving(found)) {
        await pauseRun(host.cgroups, { name: files.name, tracking: found.tracking, members }, signal);
      }
      return await this.#observer.stateOf(files);
    });
  }

  async resume(ref: RunRef, signal: AbortSignal): Promise<RunState> {
    const files = this.#files(ref);
    return await this.#exclusive(files, async () => {
      throwIfAborted(signal);
      const found = await this.#observer.observeAlone(files);
      if (isLiving(found)) resumeRun(this.#supervisor.host.cgroups, found);
      return await this.#observer.stateOf(files);
    });
  }

  async remove(ref: RunRef, signal: AbortSignal): Promise<void> {
    const files = this.#files(ref);
    await this.#exclusive(files, async () => {
      throwIfAborted(signal);
      const { root } = this.#supervisor;
      const found = await this.#observer.observeForGood(files);
      // Control groups are created before the record, and a daemon may have died in between.
      if (found.state === "absent") return await this.#supervisor.removeGroups(files);
      if (isLiving(found)) {
        throw new RuneError("conflict", `${found.spec.instance} still runs and cannot be removed`, {
          hint: "stop it first",
        });
      }
      await this.#supervisor.endRest(files);
      await this.#supervisor.removeGroups(files);
      await removeSignals(files);
      const removed = `${root}/.removed-${files.name}`;
      await Deno.rename(files.dir, removed);
      await Deno.remove(removed, { recursive: true });
      this.#cpu.forget(files.name);
      this.#supervisor.publish(files, found.spec);
    });
  }

  async inspect(ref: RunRef, signal: AbortSignal): Promise<RunState> {
    const files = this.#files(ref);
    throwIfAborted(signal);
    return await this.#translate(async () =>
      this.#observer.withPause(files, await this.#observer.observeSettled(files))
    );
  }

  async list(signal: AbortSignal): Promise<RunState[]> {
    return await this.#translate(async () => {
      const refs = (await Array.fromAsync(Deno.readDir(this.#supervisor.root)))
        .flatMap(({ name }) => parseRunName(name) ?? []);
      const states = await Promise.all(refs.map((ref) => this.inspect(ref, signal)));
      return states.filter((s) => s.state !== "absent");
    });
  }

  events(signal: AbortSignal): AsyncIterable<RunEvent> {
    return this.#supervisor.hub.subscribe(signal);
  }

  async logs(ref: RunRef, options: LogOptions): Promise<ReadableStream<LogEntry>> {
    const files = this.#files(ref);
    const { bell, host } = this.#supervisor;
    const look = () => observe(files, host);
    if ((await look()).state === "absent") throw noSuchRun(files);
    return await this.#translate(() =>
      readLogs(files, {
        ...options,
        listener: bell.listen(files.name, options.signal),
        isOver: async () => ["absent", "created", "ended"].includes((await look()).state),
      })
    );
  }

  async exec(ref: RunRef, options: ExecOptions): Promise<ExecSession> {
    const files = this.#files(ref);
    const found = await this.#observer.observeSettled(files);
    if (found.state === "absent") throw noSuchRun(files);
    const main = mainOf(found);
    if (found.state !== "running" || main === undefined) {
      throw new RuneError("conflict", `${found.spec.instance} does not run`, {
        hint: "wait until it runs; its logs may tell why it ended",
      });
    }
    if (await isPaused(this.#supervisor.host.cgroups, found)) {
      throw new RuneError("conflict", `${found.spec.instance} is paused`, {
        hint: "it goes on when the snapshot of its volume is taken (rune get snapshots -A)",
      });
    }
    const { bell, host, root } = this.#supervisor;
    const { secretNames }: RecordedSpec = found.spec;
    return await this.#translate(async () =>
      execInRun(
        await planLaunch({ ...found.spec, secretEnv: await readSecrets(main.pid, secretNames) }),
        {
          ...options,
          root,
          main,
          ...(found.tracking.by === "namespace" && { leader: found.leader }),
          procs: hasGroup(found.tracking) ? await joinableCgroups(host.cgroups, found.tracking.group) : [],
          commands: this.#supervisor.commandsOf(files),
          listener: bell.listen(files.name, options.signal),
          isOver: async () => (await observe(files, host)).state !== "running",
        },
      )
    );
  }

  async stats(
    ref: RunRef,
    signal: AbortSignal,
  ): Promise<{ milliCpu: number; memoryBytes: number } | undefined> {
    const files = this.#files(ref);
    throwIfAborted(signal);
    const found = await observe(files, this.#supervisor.host);
    return isLiving(found) ? this.#cpu.measure(files.name, found) : undefined;
  }

  async waitUntilClear(): Promise<void> {
    await this.#supervisor.waitUntilClear();
  }

  async close(): Promise<void> {
    await this.#supervisor.close();
  }

  /** The secrets from `create`. @throws {RuneError} `conflict` if an earlier daemon received them. */
  #secretEnv(files: RunFiles, { secretNames = [], instance }: RecordedSpec): Record<string, string> {
    const known = this.#secrets.get(files.name) ?? {};
    if (secretNames.every((name) => Object.hasOwn(known, name))) return known;
    throw new RuneError("conflict", `the secrets of ${instance} are not known to this daemon`, {
      hint: "it is created again with the next attempt",
    });
  }

  #files(ref: RunRef): RunFiles {
    return runFiles(this.#supervisor.root, ref);
  }

  async #exclusive<T>(files: RunFiles, fn: () => Promise<T>): Promise<T> {
    return await this.#translate(() => this.#supervisor.exclusive(files.name, fn));
  }

  async #translate<T>(fn: () => Promise<T>): Promise<T> {
    try {
      return await fn();
    } catch (error) {
      throw toRuneError(error);
    }
  }
}
