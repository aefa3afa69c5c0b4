/**
 * The contract of a runner. A runner starts, stops and finds runs, which are containers or processes. It
 * knows nothing of the store, of services or of volumes. The uid of its instance and a number identify a run,
 * so every call can be repeated, even by the next daemon. Every call throws only RuneErrors: `unavailable` if
 * the Engine is unreachable, `deadline_exceeded` if the signal timed out.
 * @module
 */
import type { Adoption, AdoptionWords } from "./engine_bond.ts";
import type { ImageFacts, ImagePath } from "./image_facts.ts";
import type { HostIdentity, Resources, SecurityContext } from "../model/security.ts";

export type { ImageFacts, ImageHealthcheck, ImagePath } from "./image_facts.ts";

/** Identifies a run of an instance. */
export interface RunRef {
  instanceUid: string;
  /** The number of the run, from 1. */
  run: number;
  /**
   * The attempt of an init step, `<name>.<attempt>`, which is a separate run; absent for the main run.
   * Letters, digits, dots and hyphens.
   */
  step?: string;
}

/** A directory of the host that a run sees. */
export interface RunMount {
  source: string;
  target: string;
  readOnly: boolean;
}

/** Everything that a runner needs to create a run. */
export interface RunSpec extends RunRef {
  namespace: string;
  service: string;
  /** `<service>-<ordinal>`. */
  instance: string;
  generation: number;
  /** The hash of the template, for the label. */
  specHash: string;
  /** Docker: the image, and the command that replaces its entrypoint and command. */
  image?: string;
  command?: string[];
  args?: string[];
  /** Processes: the executable, its arguments and the working directory. */
  process?: { command: string; args: string[]; workdir?: string };
  env: Record<string, string>;
  /** Secret variables, which a runner must not write to disk. `create` gets them before every `start`. */
  secretEnv?: Record<string, string>;
  mounts: RunMount[];
  /** Docker: the names of the run on the namespace's network, from its start. */
  aliases: string[];
  /** Docker: whether the run also joins the shared network of all namespaces, without a name. */
  joinsShared?: boolean;
  /** Docker: the container ports to publish on the host, on one of its addresses if that is given. */
  publish: { port: number; hostPort: number; hostAddress?: string; protocol: "tcp" | "udp" }[];
  resources?: Resources;
  securityContext?: SecurityContext;
  /**
   * The signal that `stop` sends to the main process by default. Default: the one of the image, or `SIGTERM`.
   */
  stopSignal?: string;
  /**
   * Processes: their identity as numbers, which takes precedence over `securityContext`. Default: that, or
   * the daemon's identity.
   */
  identity?: HostIdentity;
}

/** The state of a run. */
export interface RunState extends RunRef {
  /** `absent` means that the run certainly does not exist. A runner that cannot tell throws `unavailable`. */
  state: "absent" | "created" | "running" | "exited";
  namespace?: string;
  service?: string;
  instance?: string;
  /** The id of the container, or `pid:<pid>`. */
  handle?: string;
  pid?: number;
  /** The address on the namespace's network. */
  ip?: string;
  /** The ports of this machine that lead to it, such as `0.0.0.0:8080/tcp`; absent if there are none. */
  published?: string[];
  /**
   * Docker, only from `inspect`: its names on the namespace's network, with the host name; absent if it is
   * not on the network.
   */
  names?: string[];
  /** Its names on the shared network of all namespaces. */
  sharedNames?: string[];
  /** RFC 3339. */
  startedAt?: string;
  finishedAt?: string;
  /** The exit code of an ended run, if it is known; 128 + signal if a signal ended it. */
  exitCode?: number;
  oomKilled?: boolean;
  /** The Engine's message if it could not start the run. */
  error?: string;
  /**
   * Docker: the Engine's anonymous volumes of the container, by path. They survive the removal of the run.
   */
  engineVolumes?: { path: string; name: string }[];
  /** Whether `stop` had to kill it after the timeout. With Docker, only the answer of `stop` has this. */
  killed?: true;
  /**
   * Processes: how many others were alive when the main process ended. They are ended before the run counts
   * as ended. If the run is still running, the main process has already ended successfully.
   */
  leftBehind?: number;
  /** Whether `pause` has paused it. A paused run counts as `running`, and keeps its mounts. */
  paused?: true;
}

/** A change of a run, or `resync`, after which every run must be inspected since events may be missing. */
export type RunEvent =
  | { type: "changed"; ref: RunRef; namespace: string; instance: string }
  | { type: "resync" };

/** A line of output, or a part of one, without the newline. */
export interface LogEntry {
  stream: "stdout" | "stderr";
  /** RFC 3339 with up to nanoseconds; absent if it is unknown. */
  time?: string;
  text: string;
  /** The bytes, if they are not UTF-8. Then `text` has U+FFFD in place of invalid bytes. */
  base64?: string;
  /**
   * Whether the next entry of the same stream continues this line, which is longer than `LOG_LINE_MAX`
   * (log_line.ts).
   */
  continues?: true;
}

/** Selects the entries of a log. */
export interface LogOptions {
  follow: boolean;
  /** The number of last lines. Default: all. */
  tail?: number;
  /** RFC 3339. */
  since?: string;
  until?: string;
  signal: AbortSignal;
}

/** A command to run inside a run. */
export interface ExecOptions {
  command: string[];
  tty: boolean;
  stdin: boolean;
  /** The size of the terminal, if `tty` is set. */
  size?: TerminalSize;
  env?: Record<string, string>;
  signal: AbortSignal;
}

/** How large a terminal is, in letters. */
export interface TerminalSize {
  columns: number;
  rows: number;
}

/** A command that runs inside a run. */
export interface ExecSession {
  /** The output in order, which ends with the command. With a TTY, all of it is `stdout`. */
  output: ReadableStream<{ stream: "stdout" | "stderr"; data: Uint8Array }>;
  /** The standard input of the command. */
  input: WritableStream<Uint8Array>;
  /** Sizes of its terminal, as they change. One that cannot be set is passed over. */
  sizes: WritableStream<TerminalSize>;
  /** The exit code; resolves after `output` has ended. */
  exitCode: Promise<number>;
}

/** When an image is pulled: docs/configuration.md, "Images". */
export type PullPolicy = "missing" | "always" | "never";

/** The names by which others find a run. Without names, only open connections remain. */
export interface Publication {
  /** Names on the namespace's network. */
  names: string[];
  /** Names on the shared network of all namespaces; absent if the run need not be on it. */
  sharedNames?: string[];
  /** The address to restore on the namespace's network, if the run has lost it. */
  ip?: string;
}

/** A directory of an image, as a new container has it. */
export interface ImageDirectory {
  image: string;
  path: string;
  /** An anonymous volume of the Engine that is mounted there. */
  engineVolume?: string;
}

/** Options of a pull. */
export interface PullOptions {
  policy: PullPolicy;
  signal: AbortSignal;
  onProgress?: (text: string) => void;
}

/** Options of a stop. */
export interface StopOptions {
  /** Milliseconds until SIGKILL. */
  timeoutMs: number;
  /** The signal, as in model/stop_signal.ts. Default: the one in the spec of the run. */
  stopSignal?: string;
  signal: AbortSignal;
}

/**
 * A runner. The module comment has the rules for all calls.
 *
 * @example The life of a run. Each call may be repeated, even by the next daemon.
 * ```ts
 * import { strict as assert } from "node:assert";
 * import type { Runner, RunRef, RunSpec } from "./runner.ts";
 * import { createMemoryRunner } from "./testing/memory_runner.ts";
 * import { MemoryRuns } from "./testing/memory_runs.ts";
 *
 * const runner: Runner = createMemoryRunner({ runs: new MemoryRuns() });
 * const { signal } = new AbortController();
 * const ref: RunRef = { instanceUid: crypto.randomUUID(), run: 1 };
 * const spec: RunSpec = {
 *   ...ref,
 *   namespace: "default",
 *   service: "web",
 *   instance: "web-0",
 *   generation: 1,
 *   specHash: "",
 *   image: "busybox",
 *   env: {},
 *   mounts: [],
 *   aliases: [],
 *   publish: [],
 * };
 *
 * assert.equal((await runner.create(spec, signal)).state, "created");
 * assert.equal((await runner.start(ref, signal)).state, "running");
 * assert.equal((await runner.start(ref, signal)).state, "running");
 *
 * const { exitCode } = await runner.exec(ref, { command: ["true"], tty: false, stdin: false, signal });
 * assert.equal(await exitCode, 0);
 *
 * assert.equal((await runner.pause(ref, signal)).paused, true);
 * assert.equal((await runner.stop(ref, { timeoutMs: 1000, signal })).state, "exited");
 * await runner.remove(ref, signal);
 * assert.equal((await runner.inspect(ref, signal)).state, "absent");
 * ```
 */
export interface Runner {
  readonly name: "docker" | "process";

  /** Checks that the runner works. @throws {RuneError} `unavailable` with a hint if it does not. */
  check(signal: AbortSignal): Promise<void>;

  /**
   * Pulls the image, if the policy requires it. The process runner has no images.
   *
   * @param options.onProgress called often with the progress, in words.
   * @throws {RuneError} `not_found`, with the registry's message, if the image is not available;
   * `failed_precondition` (not permanent) if the registry is unreachable.
   */
  pull?(image: string, options: PullOptions): Promise<void>;

  /**
   * Docker: describes what an image on this host declares, with one short request and without a registry.
   *
   * @throws {RuneError} `not_found` if the image is not on this host.
   */
  describeImage?(image: string, signal: AbortSignal): Promise<ImageFacts>;

  /**
   * Docker: finds out what an image has at these paths.
   *
   * @throws {RuneError} `not_found` if the image is not on this host.
   */
  lookIntoImage?(image: string, paths: string[], signal: AbortSignal): Promise<Map<string, ImagePath>>;

  /**
   * Docker: reads a directory of an image as a tar stream with owners and modes, whose entries begin with
   * `./`. Empty if the image has no such directory. Everything that it needs is removed when the stream has
   * ended or was cancelled.
   *
   * @throws {RuneError} `not_found` if the image is not on this host.
   */
  readImage?(directory: ImageDirectory, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;

  /**
   * Finds the user and group of a run's programs, as numbers, from the context or the image. Absent numbers
   * are unknown.
   *
   * @throws {RuneError} as `create` does, for a context that cannot be enforced.
   */
  ownerOf?(
    context: SecurityContext,
    options: { image?: string; signal: AbortSignal },
  ): Promise<{ user?: number; group?: number }>;

  /**
   * Creates the run without starting it. Does nothing if it exists.
   *
   * @throws {RuneError} `invalid_argument` or `failed_precondition` if it can never be created from this
   * spec.
   */
  create(spec: RunSpec, signal: AbortSignal): Promise<RunState>;
  /**
   * Checks whether `create` and `start` would refuse this spec, as far as possible without starting anything.
   * Leaves nothing behind. The mounts do not exist yet.
   *
   * @param options.covered the paths of future mounts, below which nothing is checked.
   * @throws {RuneError} as `create` does, and `not_found` for a missing program.
   */
  rehearse(spec: RunSpec, options: { covered: string[]; signal: AbortSignal }): Promise<void>;
  /** Starts a created run. Does nothing if it was started before, even if it has ended. */
  start(ref: RunRef, signal: AbortSignal): Promise<RunState>;
  /**
   * Asks the main process of a run to end, kills what is left after `timeoutMs`, and returns when all
   * processes have certainly ended. A paused run is resumed first. After the main process has ended, the
   * other processes get SIGTERM and the rest of the time, but at least 2 s if they are processes of the host.
   * In a container, the Engine ends them with the main process.
   */
  stop(ref: RunRef, options: StopOptions): Promise<RunState>;
  /**
   * Pauses all processes of the run, and returns when none of them can write any more. Does nothing if the
   * run is paused or not running. It stays paused, even after the end of the daemon, until `resume` or
   * `stop`. A command that `exec` is starting meanwhile runs before, or is refused: it is never held
   * half-made.
   */
  pause(ref: RunRef, signal: AbortSignal): Promise<RunState>;
  /** Resumes a paused run. Does nothing if it is not paused, not running or absent. */
  resume(ref: RunRef, signal: AbortSignal): Promise<RunState>;
  /**
   * Removes an ended or created run with its logs. Does nothing if it is absent.
   * @throws {RuneError} `conflict` if it is running.
   */
  remove(ref: RunRef, signal: AbortSignal): Promise<void>;
  inspect(ref: RunRef, signal: AbortSignal): Promise<RunState>;
  /**
   * Docker: sets the names of a running run. It keeps its address, so connections stay open. Does nothing if
   * it is not running.
   */
  publish?(ref: RunRef, options: Publication & { signal: AbortSignal }): Promise<void>;
  /** Lists every run that this daemon has created and not removed. */
  list(signal: AbortSignal): Promise<RunState[]>;
  /** Yields changes until the signal aborts. Starts with `resync`, and reconnects by itself. */
  events(signal: AbortSignal): AsyncIterable<RunEvent>;

  /**
   * Docker: adopts the current Engine as the one with this daemon's containers, after a person has confirmed
   * it.
   *
   * @throws {RuneError} `failed_precondition` if a confirmation is missing; `unavailable` if the Engine does
   * not answer.
   */
  adopt?(words: AdoptionWords, signal: AbortSignal): Promise<Adoption>;

  logs(ref: RunRef, options: LogOptions): Promise<ReadableStream<LogEntry>>;
  /**
   * Runs a command in a run.
   * @throws {RuneError} `conflict` or `failed_precondition` if the run is paused or not running.
   */
  exec(ref: RunRef, options: ExecOptions): Promise<ExecSession>;
  /**
   * Reads the CPU usage of the last interval in thousandths of a core, and the memory in bytes; undefined if
   * it is not running.
   */
  stats?(ref: RunRef, signal: AbortSignal): Promise<{ milliCpu: number; memoryBytes: number } | undefined>;
}
