/**
 * Decides what happens next. Each call of a fake waits at its gate until the scheduler releases it, one at a
 * time. The seed decides which call that is and what goes wrong with it. A dead daemon never continues: its
 * calls wait for ever.
 * @module
 */
import type { Gate, GatedCall } from "../../base/testing/gate.ts";
import { RuneError } from "../../model/error.ts";
import { pick } from "./chance.ts";

/** A call that waits at its gate. */
interface Standing {
  call: GatedCall;
  at: "enter" | "leave";
  /** The daemon that made the call. */
  daemon: number;
  pass(): void;
  fail(error: Error): void;
}

/** What goes wrong with the released call. */
export type CallFault = "fail" | "lose" | "slow";

const AWAY = /^runner\./;

/** See the module comment. */
export class Scheduler {
  #standing: Standing[] = [];
  #daemon = 0;
  #count = 0;
  /** Calls whose answer will never arrive. */
  readonly #lost = new WeakSet<GatedCall>();
  /** While set, calls of runners fail. */
  away = false;
  /** The last released calls, to explain a failure. */
  readonly trace: string[] = [];

  constructor(readonly seed: number, readonly after: (ms: number, fire: () => void) => unknown) {}

  /** Whether any call waits at a gate. */
  get idle(): boolean {
    return this.#standing.length === 0;
  }

  /** A gate for the next daemon. */
  openGate(): Gate {
    const daemon = this.#daemon;
    const stand = (call: GatedCall, at: Standing["at"]) => {
      if (daemon !== this.#daemon) return new Promise<void>(() => {});
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#standing.push({ call, at, daemon, pass: resolve, fail: reject });
      return promise;
    };
    return {
      enter: (call) => stand(call, "enter"),
      leave: (call) => {
        if (daemon === this.#daemon && this.#lost.has(call)) {
          return Promise.reject(new RuneError("unavailable", "its answer is lost"));
        }
        // Most answers come at once; the others wait, so that something may overtake them.
        const soon = daemon === this.#daemon && pick(3, this.seed, "leave", ++this.#count) > 0;
        return soon ? Promise.resolve() : stand(call, "leave");
      },
    };
  }

  /** Releases one call. */
  release(step: number, fault?: CallFault): void {
    const [chosen] = this.#standing.splice(pick(this.#standing.length, this.seed, "next", step), 1);
    if (!chosen) return;
    const { call, at } = chosen;
    const away = this.away && at === "enter" && AWAY.test(call.name);
    this.#note(
      `${at === "leave" ? "answers " : ""}${call.name} ${call.subject}${fault ? ` (${fault})` : ""}`,
    );
    if (fault === "slow") {
      this.after(1_000 + pick(60_000, this.seed, "slow", step), () => {
        if (chosen.daemon === this.#daemon) this.#standing.push(chosen);
      });
    } else if (away || (fault === "fail" && at === "enter") || (fault === "lose" && at === "leave")) {
      chosen.fail(new RuneError("unavailable", away ? "it is away" : `it failed (${fault})`));
    } else if (fault === "lose") {
      this.#lost.add(call);
      chosen.pass();
    } else chosen.pass();
  }

  /**
   * Kills the daemon. Some of the calls that it had sent are still carried out, but nobody receives the
   * answer.
   */
  crash(step: number): void {
    this.#daemon++;
    for (const [i, { at, pass }] of this.#standing.entries()) {
      if (at === "enter" && pick(2, this.seed, "sent", step, i) === 0) pass();
    }
    this.#standing = [];
    this.#note("the daemon dies");
  }

  #note(line: string): void {
    this.trace.push(line);
    if (this.trace.length > 60) this.trace.shift();
  }
}
