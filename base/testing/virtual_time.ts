/**
 * Virtual time, which passes only on command. It replaces the timers, `Date`, `performance.now` and
 * `AbortSignal.timeout` of the whole program, so that nothing waits for the real clock. Knows nothing of
 * Rune.
 * @module
 */
import { setImmediate } from "node:timers";
import type { Timer } from "../delay.ts";

interface Waiting {
  due: number;
  fire: () => void;
  everyMs?: number;
  /** Belongs to the simulated world rather than to a daemon, and so survives `forget`. */
  lasting: boolean;
}

const BEGIN = Date.parse("2026-01-01T00:00:00Z");

/** See the module comment. */
export class VirtualTime implements Disposable {
  #now = 0;
  #next = 1;
  readonly #waiting = new Map<number, Waiting>();
  readonly #restore: (() => void)[] = [];

  /** Replaces the program's time until it is disposed of. */
  constructor() {
    const clear = (id?: unknown) => void this.#waiting.delete(id as number);
    const replace = (target: object, name: string, value: unknown) => {
      const original = Object.getOwnPropertyDescriptor(target, name);
      Object.defineProperty(target, name, { value, configurable: true, writable: true });
      this.#restore.push(() => {
        if (original) Object.defineProperty(target, name, original);
        else Reflect.deleteProperty(target, name);
      });
    };
    replace(globalThis, "setTimeout", (fire: () => void, ms = 0) => this.#add({ fire, ms }));
    replace(
      globalThis,
      "setInterval",
      (fire: () => void, ms = 0) => this.#add({ fire, ms, everyMs: ms }),
    );
    replace(globalThis, "clearTimeout", clear);
    replace(globalThis, "clearInterval", clear);
    replace(performance, "now", () => this.#now);
    replace(Deno, "unrefTimer", () => {});
    replace(AbortSignal, "timeout", (ms: number) => {
      const abort = new AbortController();
      const abortLate = () => abort.abort(new DOMException("Signal timed out.", "TimeoutError"));
      this.#add({ fire: abortLate, ms });
      return abort.signal;
    });
    const wall = () => BEGIN + this.#now;
    const RealDate = Date;
    replace(
      globalThis,
      "Date",
      class extends RealDate {
        constructor(...given: ConstructorParameters<typeof Date> | []) {
          super(...(given.length === 0 ? [wall()] : given) as ConstructorParameters<typeof Date>);
        }
        static override now = wall;
      },
    );
  }

  /** Milliseconds since its start. */
  get now(): number {
    return this.#now;
  }

  /** Starts a timer that survives `forget`. */
  readonly after = (ms: number, fire: () => void): Timer => {
    const id = this.#add({ fire, ms, lasting: true });
    return { clear: () => void this.#waiting.delete(id) };
  };

  /** Stops every timer that is not lasting: the daemon that started them is dead. */
  forget(): void {
    for (const [id, { lasting }] of this.#waiting) if (!lasting) this.#waiting.delete(id);
  }

  /** When the next timer fires; `Infinity` if there is none. */
  get due(): number {
    let due = Infinity;
    for (const waiting of this.#waiting.values()) due = Math.min(due, waiting.due);
    return due;
  }

  /**
   * Advances time to `moment`, or to the first timer due before it, and fires that timer. @returns whether a
   * timer fired.
   */
  passTo(moment: number): boolean {
    let first: [number, Waiting] | undefined;
    for (const entry of this.#waiting) {
      if (entry[1].due <= moment && (!first || entry[1].due < first[1].due)) first = entry;
    }
    this.#now = Math.max(this.#now, first ? first[1].due : moment);
    if (!first) return false;
    const [id, { fire, everyMs, lasting }] = first;
    this.#waiting.delete(id);
    if (everyMs !== undefined) this.#waiting.set(id, { due: this.#now + everyMs, fire, everyMs, lasting });
    fire();
    return true;
  }

  [Symbol.dispose](): void {
    for (const restore of this.#restore.splice(0).reverse()) restore();
    this.#waiting.clear();
  }

  #add({ fire, ms, everyMs, lasting = false }: Omit<Waiting, "due" | "lasting"> & {
    ms: number;
    lasting?: boolean;
  }): number {
    const id = this.#next++;
    const due = this.#now + Math.max(0, ms);
    this.#waiting.set(id, { due, fire, lasting, ...(everyMs !== undefined && { everyMs }) });
    return id;
  }
}

/** Resolves when nothing can go on without time or a gate. */
export function settleMicrotasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
