/**
 * Restricts the Docker runner to one Engine. Every connection is verified before it is used. So an Engine
 * without the daemon's containers gives no answer, above all not "no such container", and nothing is created
 * there.
 * @module
 */
import { KeyedLock } from "../../base/keyed_lock.ts";
import { RuneError } from "../../model/error.ts";
import type { Adoption, AdoptionWords, EngineBond, EngineRecord, Place } from "../engine_bond.ts";
import type { Ask, EngineGuard } from "./engine.ts";
import { adviseOn, isProven, judgeEngine, type ObservedEngine, type Verdict } from "./engine_identity.ts";
import { type EngineMark, putMark, readEngine, readMark } from "./engine_mark.ts";

/** For how many milliseconds a refusal is repeated without asking the Engine again. */
const REFUSAL_MS = 1_000;

/** A guard, which a person can override. */
export interface EngineKeeper extends EngineGuard {
  /**
   * Adopts the Engine of a connection.
   *
   * @throws {RuneError} `failed_precondition` if its state requires a confirmation that is missing.
   */
  adopt(ask: Ask, words: AdoptionWords, signal: AbortSignal): Promise<Adoption>;
}

/** Dependencies of a guard. */
export interface GuardOptions {
  daemonId: string;
  bond: EngineBond;
  /** Called when another Engine, or another state of it, was refused. Its connections must be closed. */
  onRefused(): void;
  /** Called when an Engine was adopted that was not this daemon's before, or had another state. */
  onTaken(): void;
  logger?: { warn(message: string, properties: Record<string, unknown>): void };
}

/** See the module comment. */
export function createEngineGuard(options: GuardOptions): EngineKeeper {
  const { daemonId, bond, logger } = options;
  let loaded: { record: EngineRecord | undefined; lastPlace: Place | undefined } | undefined;
  let refusal: { error: RuneError; at: number } | undefined;
  const lock = new KeyedLock();

  /** Runs one at a time, so that each result is stored before the next connection is verified. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => lock.run(["judgement"], { work });

  /** Only this guard writes the loaded values. */
  async function load() {
    loaded ??= { record: await bond.record(), lastPlace: await bond.lastPlace() };
    const { record, lastPlace } = loaded;
    return { place: bond.place, ...(record && { record }), ...(lastPlace && { lastPlace }) };
  }

  async function observe(
    ask: Ask,
    signal: AbortSignal,
  ): Promise<{ observed: ObservedEngine; verdict: Verdict }> {
    const call = { daemonId, signal };
    const mark = await readMark(ask, call);
    const observed = { ...await readEngine(ask, call), ...(mark && { mark }) };
    const verdict = judgeEngine(observed, { ...await load(), expectsRuns: bond.expectsRuns() });
    return { observed, verdict };
  }

  /** Marks the Engine and then records it. After a crash in between, the next daemon finds its own mark. */
  async function take(
    ask: Ask,
    { observed, nonce, signal }: { observed: ObservedEngine; nonce: string; signal: AbortSignal },
  ): Promise<void> {
    const { place } = bond;
    const mark = await putMark(ask, { daemonId, nonce, place, signal });
    if (mark?.nonce !== nonce) throw lostRace(mark);
    const record = { id: observed.id, root: observed.root, mark: mark.path, nonce };
    loaded = undefined;
    await bond.remember(record);
    loaded = { record, lastPlace: place };
    refusal = undefined;
  }

  /** @returns whether the Engine is this daemon's. */
  async function settle(ask: Ask, signal: AbortSignal): Promise<boolean> {
    const { observed, verdict } = await observe(ask, signal);
    if (verdict.type === "refuse") throw refuse(verdict);
    if (verdict.type === "take") {
      const { record } = await load();
      const nonce = verdict.mend && record ? record.nonce : crypto.randomUUID();
      if (verdict.mend) {
        logger?.warn("the mark of this daemon on the Docker Engine was removed; it is put back", {});
      } else if (record) logger?.warn("took the Docker Engine {id} again", { id: observed.id });
      await take(ask, { observed, nonce, signal });
      options.onTaken();
    }
    refusal = undefined;
    return verdict.type !== "unneeded";
  }

  function refuse(verdict: Extract<Verdict, { type: "refuse" }>): RuneError {
    const reason = verdict.reasons.join("; and ");
    const message = `no containers are managed: ${reason}`;
    const error = new RuneError("unavailable", message, { hint: adviseOn(verdict.needs) });
    if (refusal?.error.message !== message) {
      logger?.warn("{message}; volumes stay with those that hold them; {hint}", {
        message,
        hint: error.hint,
      });
      options.onRefused();
    }
    refusal = { error, at: performance.now() };
    return error;
  }

  return {
    refuseKnown() {
      if (refusal && performance.now() - refusal.at < REFUSAL_MS) throw refusal.error;
    },
    async prove(ask, signal) {
      const mark = await readMark(ask, { daemonId, signal });
      if (!refusal && isProven(mark, await load())) return true;
      return await inTurn(() => settle(ask, signal));
    },
    adopt: (ask, words, signal) =>
      inTurn(async () => {
        const { observed, verdict } = await observe(ask, signal);
        const { id, root } = observed;
        if (verdict.type === "same") return { changed: false, id, root };
        if (verdict.type === "refuse") {
          const { needs, reasons } = verdict;
          const missing = (needs.containersAreGone && !words.containersAreGone) ||
            (needs.takeOver && !words.takeOver);
          if (missing) {
            throw new RuneError("failed_precondition", reasons.join("; and "), { hint: adviseOn(needs) });
          }
        }
        await take(ask, { observed, nonce: crypto.randomUUID(), signal });
        logger?.warn("took the Docker Engine {id}, with its data in {root}, by a person's word", {
          id,
          root,
        });
        options.onTaken();
        return { changed: true, id, root };
      }),
  };
}

function lostRace(mark: EngineMark | undefined): RuneError {
  return new RuneError(
    "unavailable",
    mark
      ? `a daemon with the same id in ${mark.place.dataDir} took the Docker Engine at the same time`
      : "the mark of this daemon on the Docker Engine was removed at once",
    { hint: "it is tried again" },
  );
}
