/**
 * A gate that every call of a fake passes twice: before it does its work, and before it returns. A test
 * decides at the gate what goes wrong. Knows nothing of Rune.
 * @module
 */

/** A call at a gate. */
export interface GatedCall {
  /** The fake and its function: `runner.create`. */
  name: string;
  /** The object that it acts on. */
  subject: string;
  signal?: AbortSignal;
}

/** See the module comment. */
export interface Gate {
  /** Rejects if the call fails before it does anything. */
  enter(call: GatedCall): Promise<void>;
  /** Rejects if the work is done but its result is lost. */
  leave(call: GatedCall): Promise<void>;
}

/** Lets every call pass at once. */
export const OPEN_GATE: Gate = { enter: () => Promise.resolve(), leave: () => Promise.resolve() };

/** Does the work of a call between its two passes of the gate. */
export async function passGate<T>(gate: Gate, call: GatedCall, work: () => T | Promise<T>): Promise<T> {
  await gate.enter(call);
  const answer = await work();
  await gate.leave(call);
  return answer;
}

/** A gate that a test can close for single calls. */
export class TestGate implements Gate {
  readonly #enter = new Map<string, (() => Promise<void>)[]>();
  readonly #leave = new Map<string, (() => Promise<void>)[]>();
  /** While set, every call fails with the error that it returns, and does nothing. */
  away: (() => Error) | undefined;
  /** The calls that entered, in order. */
  readonly calls: string[] = [];

  /** Makes the next call with this name fail before it does anything. */
  failNext(name: string, error: Error): void {
    append(this.#enter, name, () => Promise.reject(error));
  }

  /** Makes the next call with this name do its work and then lose its result. */
  loseNext(name: string, error: Error): void {
    append(this.#leave, name, () => Promise.reject(error));
  }

  /** Makes the next call with this name wait for the promise before it does anything. */
  delayNext(name: string, until: Promise<void>): void {
    append(this.#enter, name, () => until);
  }

  async enter({ name }: GatedCall): Promise<void> {
    this.calls.push(name);
    if (this.away) throw this.away();
    await takeFirst(this.#enter, name)?.();
  }

  async leave({ name }: GatedCall): Promise<void> {
    await takeFirst(this.#leave, name)?.();
  }
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  map.set(key, [...map.get(key) ?? [], value]);
}

function takeFirst<T>(map: Map<string, T[]>, key: string): T | undefined {
  const [first, ...rest] = map.get(key) ?? [];
  map.set(key, rest);
  return first;
}
