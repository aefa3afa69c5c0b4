/** Wraps drivers and runners so that their calls are counted and timed; to their callers they are the same. @module */
import type { Driver } from "../drivers/driver.ts";
import type { Runner } from "../runners/runner.ts";
import { toRuneError } from "../model/error.ts";

/** A finished call of a driver or runner. */
export interface FinishedCall {
  /** Name of the driver or runner. */
  of: string;
  call: string;
  /** `ok`, or the code of its error. */
  result: string;
  seconds: number;
}

/** The calls of a driver that touch the world. */
const DRIVER_CALLS = [
  "provision",
  "delete",
  "attach",
  "detach",
  "mount",
  "unmount",
  "snapshot",
  "deleteSnapshot",
  "restore",
  "expand",
  "usage",
  "exportData",
  "importData",
] as const satisfies (keyof Driver)[];

/** The calls of a runner that end by themselves; streams are not timed. */
const RUNNER_CALLS = [
  "check",
  "pull",
  "create",
  "start",
  "stop",
  "remove",
  "inspect",
  "list",
  "stats",
] as const satisfies (keyof Runner)[];

type Call = (...args: unknown[]) => Promise<unknown>;

function observe<T extends Driver | Runner>(
  target: T,
  calls: readonly string[],
  report: (call: FinishedCall) => void,
): T {
  const observed = new Map<PropertyKey, unknown>();
  return new Proxy(target, {
    get(_, property) {
      if (observed.has(property)) return observed.get(property);
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      const original = value.bind(target) as Call;
      const known = calls.includes(String(property));
      const wrapped = known ? timed(original, { of: target.name, call: String(property), report }) : original;
      observed.set(property, wrapped);
      return wrapped;
    },
  });
}

function timed(
  original: Call,
  { of, call, report }: { of: string; call: string; report: (call: FinishedCall) => void },
): Call {
  return async (...args) => {
    const began = performance.now();
    const end = (result: string) => report({ of, call, result, seconds: (performance.now() - began) / 1000 });
    try {
      const value = await original(...args);
      end("ok");
      return value;
    } catch (error) {
      end(toRuneError(error).code);
      throw error;
    }
  };
}

/** A driver whose calls are reported. */
export function observeDriver(driver: Driver, report: (call: FinishedCall) => void): Driver {
  return observe(driver, DRIVER_CALLS, report);
}

/** A runner whose calls are reported. */
export function observeRunner(runner: Runner, report: (call: FinishedCall) => void): Runner {
  return observe(runner, RUNNER_CALLS, report);
}
