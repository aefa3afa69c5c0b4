/**
 * Wraps drivers and runners so that every call of theirs ends in time, whatever hangs beneath it: a disk, another machine, a library
 * that does not listen to its signal. The call is aborted and its caller tries again; until then nothing is taken for done or gone.
 * @module
 */
import type { Driver } from "../drivers/driver.ts";
import type { Runner } from "../runners/runner.ts";
import { withDeadline } from "../model/deadline.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** What copies or removes data takes as long as there is data. */
const COPY = 24 * 60 * MINUTE;
/** What a call that was told to end is waited for, so that the next one does not meet it. */
const GRACE = 10 * SECOND;

/** Methods that return a promise. */
type CallsOf<T> = {
  [K in keyof T]-?: NonNullable<T[K]> extends (...args: never[]) => Promise<unknown> ? K : never;
}[keyof T];

/** Milliseconds of every call of a driver: a new one does not compile until its time is decided. */
export const DRIVER_DEADLINES: Record<CallsOf<Driver>, number> = {
  provision: COPY,
  filesystem: MINUTE,
  delete: COPY,
  listTrash: 10 * MINUTE,
  undelete: COPY,
  attach: 10 * MINUTE,
  detach: 10 * MINUTE,
  // A check of the file system may come before.
  mount: 60 * MINUTE,
  open: MINUTE,
  unmount: 10 * MINUTE,
  snapshot: COPY,
  deleteSnapshot: COPY,
  restore: COPY,
  expand: COPY,
  exportData: 10 * MINUTE,
  importData: COPY,
  usage: 60 * MINUTE,
};

/** The same for a runner; `stop` has the time that its caller gives the run beside. */
export const RUNNER_DEADLINES: Record<CallsOf<Runner>, number> = {
  check: 30 * SECOND,
  adopt: 5 * MINUTE,
  // An image may be large, and the line slow.
  pull: COPY,
  describeImage: MINUTE,
  lookIntoImage: 5 * MINUTE,
  // A large volume of the image's is copied before the stream begins.
  readImage: 60 * MINUTE,
  ownerOf: MINUTE,
  create: 5 * MINUTE,
  rehearse: 5 * MINUTE,
  start: 5 * MINUTE,
  stop: 2 * MINUTE,
  pause: MINUTE,
  resume: MINUTE,
  remove: 10 * MINUTE,
  inspect: MINUTE,
  publish: MINUTE,
  list: 2 * MINUTE,
  logs: MINUTE,
  exec: MINUTE,
  stats: MINUTE,
};

type Call = (...args: unknown[]) => Promise<unknown>;

/** Where a call's signal is: an argument itself, or a field of one. */
function signalOf(arg: unknown): AbortSignal | undefined {
  if (arg instanceof AbortSignal) return arg;
  const inner = typeof arg === "object" && arg !== null ? (arg as { signal?: unknown }).signal : undefined;
  return inner instanceof AbortSignal ? inner : undefined;
}

/** The arguments with another signal in the place of theirs. */
const withSignal = (args: unknown[], signal: AbortSignal) =>
  args.map((arg) =>
    arg instanceof AbortSignal
      ? signal
      : signalOf(arg) === undefined
      ? arg
      : { ...arg as Record<string, unknown>, signal }
  );

/** The milliseconds that a call gives what it ends, if it names any. */
function extraOf(args: unknown[]): number {
  for (const arg of args) {
    const ms = typeof arg === "object" && arg !== null
      ? (arg as { timeoutMs?: unknown }).timeoutMs
      : undefined;
    if (typeof ms === "number") return ms;
  }
  return 0;
}

/** Closes what a call opened too late for anybody to read it. */
function discard(late: unknown): void {
  if (typeof late !== "object" || late === null) return;
  if (late instanceof ReadableStream) void late.cancel().catch(() => {});
  else if ("close" in late && typeof late.close === "function") {
    void Promise.try(() => (late as { close(): unknown }).close()).catch(() => {});
  } else if ("output" in late) discard(late.output);
}

function bound<T extends { readonly name: string }>(
  target: T,
  deadlines: Record<string, number>,
  most: number,
): T {
  const bounded = new Map<PropertyKey, unknown>();
  return new Proxy(target, {
    get(_, property) {
      if (bounded.has(property)) return bounded.get(property);
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      const original = value.bind(target) as Call;
      const ms = Object.hasOwn(deadlines, property) ? deadlines[String(property)]! : undefined;
      const wrapped = ms === undefined
        ? original
        : (...args: unknown[]) =>
          withDeadline((signal) => original(...withSignal(args, signal)), {
            ms: Math.min(ms + extraOf(args), most),
            what: `${String(property)} of ${target.name}`,
            signal: args.map(signalOf).find((signal) => signal !== undefined),
            graceMs: Math.min(GRACE, most),
            discard,
          });
      bounded.set(property, wrapped);
      return wrapped;
    },
  });
}

/** A driver whose calls end in time. @param most milliseconds of any call; tests have less time. */
export function boundDriver(driver: Driver, { most = Infinity }: { most?: number } = {}): Driver {
  return bound(driver, DRIVER_DEADLINES, most);
}

/** A runner whose calls end in time; its events, which are a stream without end, go on. */
export function boundRunner(runner: Runner, { most = Infinity }: { most?: number } = {}): Runner {
  return bound(runner, RUNNER_DEADLINES, most);
}
