/**
 * The contract of a runner. A runner starts, stops and finds runs (containers or processes); it knows nothing of the store,
 * of services or of volumes. A run is identified by its instance's uid and a number, so that every call can be repeated,
 * also by the next daemon. Every call throws only RuneError: `unavailable` when the engine cannot be reached,
 * `deadline_exceeded` when the signal's time ran out.
 * @module
 */
import type { Resources, SecurityContext } from "../spec/security.ts";

/** Names one run of one instance. */
export interface RunRef {
  instanceUid: string;
  /** Counts the runs of an instance from 1. */
  run: number;
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
  /** More of the environment, which a runner must not write to disk itself. `create` is given it before every `start`. */
  secretEnv?: Record<string, string>;
  mounts: RunMount[];
  /** Docker: names under which the namespace's network knows the run. */
  aliases: string[];
  /** Docker: container ports published on the host. */
  publish: { port: number; hostPort: number; protocol: "tcp" | "udp" }[];
  resources?: Resources;
  securityContext?: SecurityContext;
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
  /** RFC 3339. */
  startedAt?: string;
  finishedAt?: string;
  /** Known when the run ended and its code could be had; 128 + signal when a signal ended it. */
  exitCode?: number;
  oomKilled?: boolean;
  /** What the engine said when it could not start the run. */
  error?: string;
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
  size?: { columns: number; rows: number };
  env?: Record<string, string>;
  signal: AbortSignal;
}

/** A command that runs inside a run. */
export interface ExecSession {
  /** Output in order; with a TTY all of it is `stdout`. Ends when the command ends. */
  output: ReadableStream<{ stream: "stdout" | "stderr"; data: Uint8Array }>;
  /** Closing it closes the command's standard input. */
  input: WritableStream<Uint8Array>;
  resize(size: { columns: number; rows: number }): Promise<void>;
  /** Resolves after `output` ended. */
  exitCode: Promise<number>;
}

/** How an image is had: see SPEC 3 `imagePull`. */
export type PullPolicy = "missing" | "always" | "never";

/** A runner; see the module comment for what all calls share. */
export interface Runner {
  readonly name: "docker" | "process";

  /** @throws {RuneError} `unavailable` with a hint when nothing can be run now. */
  check(signal: AbortSignal): Promise<void>;

  /**
   * Makes the image present. The process runner has none.
   *
   * @throws {RuneError} `not_found` when no such image can be had (with the registry's sentence).
   */
  pull?(image: string, options: { policy: PullPolicy; signal: AbortSignal }): Promise<void>;

  /**
   * Makes the run, not started. Done when it exists.
   *
   * @throws {RuneError} `invalid_argument` or `failed_precondition` when it can never be made from this spec.
   */
  create(spec: RunSpec, signal: AbortSignal): Promise<RunState>;
  /** Starts a run that was created. Done when it was started before, also when it has ended since. */
  start(ref: RunRef, signal: AbortSignal): Promise<RunState>;
  /** Asks the run to end (SIGTERM to all of it), kills it after `timeoutMs`, and returns when it is known to be gone. */
  stop(ref: RunRef, options: { timeoutMs: number; signal: AbortSignal }): Promise<RunState>;
  /** Removes an ended or created run with its logs. Done when it is absent. @throws {RuneError} `conflict` when it runs. */
  remove(ref: RunRef, signal: AbortSignal): Promise<void>;
  inspect(ref: RunRef, signal: AbortSignal): Promise<RunState>;
  /** Every run that this daemon ever made and did not remove. */
  list(signal: AbortSignal): Promise<RunState[]>;
  /** Changes as they happen, until the signal aborts. Starts with `resync`; reconnects by itself. */
  events(signal: AbortSignal): AsyncIterable<RunEvent>;

  logs(ref: RunRef, options: LogOptions): Promise<ReadableStream<LogEntry>>;
  exec(ref: RunRef, options: ExecOptions): Promise<ExecSession>;
  /** CPU in thousandths of a core over the last interval, memory in bytes; undefined when it does not run. */
  stats?(ref: RunRef, signal: AbortSignal): Promise<{ milliCpu: number; memoryBytes: number } | undefined>;
}
