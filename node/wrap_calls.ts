/**
 * Wraps an object with its call table. Each call has a deadline, even if a disk, another machine or a library
 * that ignores its signal hangs. Calls are counted if the table says so. An aborted call proves nothing: its
 * caller must try again before it treats anything as done or gone.
 * @module
 */
import { toRuneError } from "../model/error.ts";
import { withDeadline } from "../model/deadline.ts";
import type { FinishedCall } from "./observer.ts";

/** A second, in milliseconds. */
export const SECOND = 1000;
/** A minute, in milliseconds. */
export const MINUTE = 60 * SECOND;
/** The deadline of calls that copy or remove data, since these take longer with more data. */
export const COPY = 24 * 60 * MINUTE;
/** How long to wait for an aborted call to end, so that the next call does not overlap it. */
const GRACE = 10 * SECOND;

/** The rule of a call that returns a promise. */
export interface CallRule {
  /** Its deadline in milliseconds; what its options name as `timeoutMs` comes on top. */
  ms: number;
  /** Whether it is reported once it ended. A call that returns a stream ends when the stream begins. */
  counted: boolean;
}

/** A member that is passed through: a value, a check without side effects, or an endless stream. */
export const AS_IT_IS = "as it is";

/** One row for every member of a contract. A new member without a row does not compile. */
export type CallTable<T> = {
  readonly [K in keyof Required<T>]: NonNullable<T[K]> extends (...args: never[]) => Promise<unknown>
    ? CallRule
    : typeof AS_IT_IS;
};

/** How the calls are wrapped. */
export interface WrapOptions {
  /** Told of each counted call that ended. Default: nobody is. */
  onCall?(call: FinishedCall): void;
  /** Upper limit for any call in milliseconds, for tests. */
  mostMs?: number;
}

type Call = (...args: unknown[]) => Promise<unknown>;

/** The same object with its calls wrapped. Optional members that it does not have stay absent. */
export function wrapCalls<T extends { readonly name: string }>(
  target: T,
  { table, before, ...options }: WrapOptions & {
    table: CallTable<T>;
    /** Runs first within each call that has a deadline. If it throws, the call is not made. */
    before?(name: keyof T, args: unknown[]): Promise<void>;
  },
): T {
  const wrapped: Record<string, unknown> = {};
  for (const [name, rule] of Object.entries<CallRule | typeof AS_IT_IS>(table)) {
    const member: unknown = Reflect.get(target, name, target);
    if (member === undefined) continue;
    if (typeof member !== "function") {
      Object.defineProperty(wrapped, name, {
        enumerable: true,
        get: () => Reflect.get(target, name, target),
      });
    } else {
      const call = member.bind(target) as Call;
      const whole: Call = before === undefined ? call : async (...args) => {
        await before(name as keyof T, args);
        return await call(...args);
      };
      wrapped[name] = rule === AS_IT_IS ? call : wrapCall(whole, { ...options, rule, of: target.name, name });
    }
  }
  return wrapped as T;
}

function wrapCall(
  call: Call,
  { rule: { ms, counted }, of, name, onCall, mostMs = Infinity }: WrapOptions & {
    rule: CallRule;
    of: string;
    name: string;
  },
): Call {
  const inTime: Call = (...args) =>
    withDeadline((signal) => call(...replaceSignal(args, signal)), {
      ms: Math.min(ms + extraTime(args), mostMs),
      what: `${name} of ${of}`,
      signal: args.map(findSignal).find((signal) => signal !== undefined),
      graceMs: Math.min(GRACE, mostMs),
      discard,
    });
  if (!counted || !onCall) return inTime;
  return async (...args) => {
    const began = performance.now();
    const end = (result: string) =>
      onCall({ of, call: name, result, seconds: (performance.now() - began) / 1000 });
    try {
      const value = await inTime(...args);
      end("ok");
      return value;
    } catch (error) {
      end(toRuneError(error).code);
      throw error;
    }
  };
}

/** Finds a call's signal: an argument or a field of one. */
function findSignal(arg: unknown): AbortSignal | undefined {
  if (arg instanceof AbortSignal) return arg;
  const inner = typeof arg === "object" && arg !== null ? (arg as { signal?: unknown }).signal : undefined;
  return inner instanceof AbortSignal ? inner : undefined;
}

/** The arguments with another signal in the place of theirs. */
const replaceSignal = (args: unknown[], signal: AbortSignal) =>
  args.map((arg) =>
    arg instanceof AbortSignal
      ? signal
      : findSignal(arg) === undefined
      ? arg
      : { ...arg as Record<string, unknown>, signal }
  );

/** The milliseconds that a call gives what it ends, if it names any. */
function extraTime(args: unknown[]): number {
  for (const arg of args) {
    const ms = typeof arg === "object" && arg !== null
      ? (arg as { timeoutMs?: unknown }).timeoutMs
      : undefined;
    if (typeof ms === "number") return ms;
  }
  return 0;
}

/** Closes a result that a call opened too late for its caller. */
function discard(late: unknown): void {
  if (typeof late !== "object" || late === null) return;
  if (late instanceof ReadableStream) void late.cancel().catch(() => {});
  else if ("close" in late && typeof late.close === "function") {
    void Promise.try(() => (late as { close(): unknown }).close()).catch(() => {});
  } else if ("output" in late) discard(late.output);
}
