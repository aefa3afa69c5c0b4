/**
 * The gate that every call of a fake passes twice: before it does its work, and before it answers. Who holds the gate decides what
 * goes wrong there. Knows nothing of Rune.
 * @module
 */

/** A call that stands at a gate. */
export interface GatedCall {
  /** The fake and its call: `runner.create`. */
  name: string;
  /** What it is about. */
  subject: string;
  signal?: AbortSignal;
}

/** See the module comment. */
export interface Gate {
  /** Rejects where the call fails without having done anything. */
  enter(call: GatedCall): Promise<void>;
  /** Rejects where the work is done and its answer is lost. */
  leave(call: GatedCall): Promise<void>;
}

/** Lets every call pass at once. */
export const OPEN_GATE: Gate = { enter: () => Promise.resolve(), leave: () => Promise.resolve() };

/** Does the work of a call between its two passages. */
export async function passGate<T>(gate: Gate, call: GatedCall, work: () => T | Promise<T>): Promise<T> {
  await gate.enter(call);
  const answer = await work();
  await gate.leave(call);
  return answer;
}

/** A gate that a test closes for single calls. */
export class TestGate implements Gate {
  readonly #enter = new Map<string, (() => Promise<void>)[]>();
  readonly #leave = new Map<string, (() => Promise<void>)[]>();
  /** While it is set, every call fails with what it returns, and does nothing. */
  away: (() => Error) | undefined;
  /** The calls that have entered, in order. */
  readonly calls: string[] = [];

  /** Lets the next call of this name fail before it does anything. */
  failNext(name: string, error: Error): void {
    append(this.#enter, name, () => Promise.reject(error));
  }

  /** Lets the next call of this name do its work and lose its answer. */
  loseNext(name: string, error: Error): void {
    append(this.#leave, name, () => Promise.reject(error));
  }

  /** Lets the next call of this name wait for the promise before it does anything. */
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
