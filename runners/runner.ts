/**
 * The contract of a runner. A runner starts, stops and finds runs (containers or processes); it knows nothing
 * of the store, of services or of volumes. A run is identified by its instance's uid and a number, so that
 * every call can be repeated, also by the next daemon. Every call throws only RuneError: `unavailable` when
 * the engine cannot be reached, `deadline_exceeded` when the signal's time ran out.
 * @module
 */
import type { Adoption, AdoptionWords } from "./engine_bond.ts";
import type { ImageFacts, ImagePath } from "./image_facts.ts";
import type { HostIdentity, Resources, SecurityContext } from "../model/security.ts";

export type { ImageFacts, ImageHealthcheck, ImagePath } from "./image_facts.ts";

/** Names one run of one instance. */
export interface RunRef {
  instanceUid: string;
  /** Counts the runs of an instance from 1. */
  run: number;
  /**
   * Names one attempt of a step that prepares the run (`<name>.<attempt>`), which is a run of its own; absent
   * for the main one. Letters, digits, dots and hyphens.
   */
  step?: string;
}

/** A directory of the host that a run sees. */
export interface RunMount {
  source: string;
  target: string;
  readOnly: boolean;
}

/** All that a runner needs to make a run. */
export interface RunSpec extends RunRef {
  namespace: string;
  service: string;
  /** `<service>-<ordinal>`. */
  instance: string;
  generation: number;
  /** Hash of the template, for the label. */
  specHash: string;
  /** Docker: the image, and what replaces its entrypoint and command. */
  image?: string;
  command?: string[];
  args?: string[];
  /** Processes: executable, arguments and working directory. */
  process?: { command: string; args: string[]; workdir?: string };
  env: Record<string, string>;
  /**
   * More of the environment, which a runner must not write to disk itself. `create` is given it before every
   * `start`.
   */
  secretEnv?: Record<string, string>;
  mounts: RunMount[];
  /** Docker: names under which the namespace's network knows the run from its start. */
  aliases: string[];
  /** Docker: the run also joins the network that all namespaces share, without a name. */
  joinsShared?: boolean;
  /** Docker: container ports published on the host; on one of its addresses where that is given. */
  publish: { port: number; hostPort: number; hostAddress?: string; protocol: "tcp" | "udp" }[];
  resources?: Resources;
  securityContext?: SecurityContext;
  /**
   * What asks the main process to end where `stop` names nothing else; default: the image's, else `SIGTERM`.
   */
  stopSignal?: string;
  /**
   * Processes: who they are, as numbers; it goes before the names in `securityContext`. Absent: as the
   * daemon, or as those say.
   */
  identity?: HostIdentity;
}

/** What is known of a run. */
export interface RunState extends RunRef {
  /** `absent`: proven not to exist. A runner that cannot tell throws `unavailable`. */
  state: "absent" | "created" | "running" | "exited";
  namespace?: string;
  service?: string;
  instance?: string;
  /** Container id, or `pid:<pid>`. */
  handle?: string;
  pid?: number;
  /** Address on the namespace's network. */
  ip?: string;
  /** Where ports of this machine lead to it: `0.0.0.0:8080/tcp`; absent where none does. */
  published?: string[];
  /**
   * Docker, as `inspect` tells: names on the namespace's network, the host name with them; absent where the
   * run is not on it.
   */
  names?: string[];
  /** The same for the network that all namespaces share. */
  sharedNames?: string[];
  /** RFC 3339. */
  startedAt?: string;
  finishedAt?: string;
  /** Known when the run ended and its code could be had; 128 + signal when a signal ended it. */
  exitCode?: number;
  oomKilled?: boolean;
  /** What the engine said when it could not start the run. */
  error?: string;
  /**
   * Docker: volumes of the Engine's own that the container has, by their paths; it keeps them when the run is
   * removed.
   */
  engineVolumes?: { path: string; name: string }[];
  /**
   * `stop` ended it by SIGKILL: it did not end within the time that it was given. Docker tells it only in the
   * answer of `stop`.
   */
  killed?: true;
  /**
   * Processes: how many others still lived when the main one ended by itself. They are ended before the run
   * counts as ended; of one that still runs it says that the main one has ended well already.
   */
  leftBehind?: number;
  /** It runs and is held still by `pause`; it is `running` all the same, and keeps its mounts. */
  paused?: true;
}

/** Something happened to a run, or events may have been missed (`resync`: look at every run). */
export type RunEvent =
  | { type: "changed"; ref: RunRef; namespace: string; instance: string }
  | { type: "resync" };

/** One line (or part of one, without its newline) of output. */
export interface LogEntry {
  stream: "stdout" | "stderr";
  /** RFC 3339 with up to nanoseconds; absent where the runner does not know. */
  time?: string;
  text: string;
  /** The bytes, where they are not UTF-8: `text` then has U+FFFD in the place of what is none. */
  base64?: string;
  /**
   * The line is longer than `LOG_LINE_MAX` (log_line.ts): the next entry of the same stream goes on with it.
   */
  continues?: true;
}

/** What of a log is wanted. */
export interface LogOptions {
  follow: boolean;
  /** Last lines; all when absent. */
  tail?: number;
  /** RFC 3339. */
  since?: string;
  until?: string;
  signal: AbortSignal;
}

/** A command to run inside a running run. */
export interface ExecOptions {
  command: string[];
  tty: boolean;
  stdin: boolean;
  /** Terminal size, with `tty`. */
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
  /** Output in order; with a TTY all of it is `stdout`. Ends when the command ends. */
  output: ReadableStream<{ stream: "stdout" | "stderr"; data: Uint8Array }>;
  /** Closing it closes the command's standard input. */
  input: WritableStream<Uint8Array>;
  /** Sizes of its terminal, as they change. One that cannot be set is passed over. */
  sizes: WritableStream<TerminalSize>;
  /** Resolves after `output` ended. */
  exitCode: Promise<number>;
}

/** When an image is pulled: docs/configuration.md, "Images". */
export type PullPolicy = "missing" | "always" | "never";

/** The names under which others find a run; none means that nobody new does. */
export interface Publication {
  /** On the namespace's network. */
  names: string[];
  /** On the network that all namespaces share; absent: the run need not be on it. */
  sharedNames?: string[];
  /** The address that it should have on the namespace's network, where it lost it. */
  ip?: string;
}

/** A directory as a container of an image has it before anything runs. */
export interface ImageDirectory {
  image: string;
  path: string;
  /** A volume of the Engine's own that is mounted there. */
  engineVolume?: string;
}

/** How an image is pulled. */
export interface PullOptions {
  policy: PullPolicy;
  signal: AbortSignal;
  onProgress?: (text: string) => void;
}

/** How a run is stopped. */
export interface StopOptions {
  /** Milliseconds until SIGKILL. */
  timeoutMs: number;
  /** As model/stop_signal.ts writes it. Default: what the run was made with. */
  stopSignal?: string;
  signal: AbortSignal;
}

/**
 * A runner; see the module comment for what all calls share.
 *
 * @example The life of a run. Each call may come again, also from the next daemon.
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

  /** @throws {RuneError} `unavailable` with a hint when nothing can be run now. */
  check(signal: AbortSignal): Promise<void>;

  /**
   * Makes the image present. The process runner has none.
   *
   * @param options.onProgress told how far it is, in words, often.
   * @throws {RuneError} `not_found` when no such image can be had (with the registry's sentence),
   * `failed_precondition` (not permanent) when the registry is out of reach: trying again will help once it
   * is back.
   */
  pull?(image: string, options: PullOptions): Promise<void>;

  /**
   * Docker: what an image that is on this host declares. It asks no registry, and costs one short request.
   *
   * @throws {RuneError} `not_found` when the image is not here.
   */
  describeImage?(image: string, signal: AbortSignal): Promise<ImageFacts>;

  /**
   * Docker: what an image has at these paths, by path.
   *
   * @throws {RuneError} `not_found` when the image is not here.
   */
  lookIntoImage?(image: string, paths: string[], signal: AbortSignal): Promise<Map<string, ImagePath>>;

  /**
   * Docker: the content of a directory, as a tar stream whose entries begin with `./`, with owners and modes.
   * Empty where the image has no such directory. What it takes is gone again once the stream has ended or was
   * cancelled.
   *
   * @throws {RuneError} `not_found` when the image is not here.
   */
  readImage?(directory: ImageDirectory, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;

  /**
   * Who the programs of a run would be, as numbers: by the context, else by what the image says. What is
   * absent is not known.
   *
   * @throws {RuneError} as `create` does for a context that cannot be enforced.
   */
  ownerOf?(
    context: SecurityContext,
    options: { image?: string; signal: AbortSignal },
  ): Promise<{ user?: number; group?: number }>;

  /**
   * Makes the run, not started. Done when it exists.
   *
   * @throws {RuneError} `invalid_argument` or `failed_precondition` when it can never be made from this spec.
   */
  create(spec: RunSpec, signal: AbortSignal): Promise<RunState>;
  /**
   * Finds out whether `create` and `start` would refuse this spec, as far as that can be known without
   * starting anything, and leaves nothing behind. Its mounts are not there yet.
   *
   * @param options.covered where its mounts will be: what lies there is not judged.
   * @throws {RuneError} as `create` does, and `not_found` for a program that is missing.
   */
  rehearse(spec: RunSpec, options: { covered: string[]; signal: AbortSignal }): Promise<void>;
  /** Starts a run that was created. Done when it was started before, also when it has ended since. */
  start(ref: RunRef, signal: AbortSignal): Promise<RunState>;
  /**
   * Asks the run's main process to end, kills what is left after `timeoutMs`, and returns when all of it is
   * known to be gone. A paused run is resumed for it. The other processes of a run are asked (SIGTERM) when
   * the main one has ended: those of a container that does not wait for them end with it, as the Engine has
   * it. They have what is left of the time, and of processes of the host 2 s at least.
   */
  stop(ref: RunRef, options: StopOptions): Promise<RunState>;
  /**
   * Holds every process of the run still, and returns when none of them can write any more. Done when it is
   * held already, and when it does not run. It stays held, also past the end of the daemon, until `resume` or
   * `stop`. A command that `exec` is starting meanwhile runs before, or is refused: it is never held
   * half-made.
   */
  pause(ref: RunRef, signal: AbortSignal): Promise<RunState>;
  /** Lets a paused run go on. Done when it is not paused, does not run, or is absent. */
  resume(ref: RunRef, signal: AbortSignal): Promise<RunState>;
  /**
   * Removes an ended or created run with its logs. Done when it is absent.
   * @throws {RuneError} `conflict` when it runs.
   */
  remove(ref: RunRef, signal: AbortSignal): Promise<void>;
  inspect(ref: RunRef, signal: AbortSignal): Promise<RunState>;
  /**
   * Docker: gives a running run these names and no others. Connections that are open stay open: the run keeps
   * its address. Done when it does not run.
   */
  publish?(ref: RunRef, options: Publication & { signal: AbortSignal }): Promise<void>;
  /** Every run that this daemon ever made and did not remove. */
  list(signal: AbortSignal): Promise<RunState[]>;
  /** Changes as they happen, until the signal aborts. Starts with `resync`; reconnects by itself. */
  events(signal: AbortSignal): AsyncIterable<RunEvent>;

  /**
   * Docker: takes the Engine that answers for the one that this daemon's containers are on, by a person's
   * word.
   *
   * @throws {RuneError} `failed_precondition` where words are missing, `unavailable` when it does not answer.
   */
  adopt?(words: AdoptionWords, signal: AbortSignal): Promise<Adoption>;

  logs(ref: RunRef, options: LogOptions): Promise<ReadableStream<LogEntry>>;
  /** @throws {RuneError} `conflict` or `failed_precondition` when the run does not run, or is paused. */
  exec(ref: RunRef, options: ExecOptions): Promise<ExecSession>;
  /** CPU in thousandths of a core over the last interval, memory in bytes; undefined when it does not run. */
  stats?(ref: RunRef, signal: AbortSignal): Promise<{ milliCpu: number; memoryBytes: number } | undefined>;
}
