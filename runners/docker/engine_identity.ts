/**
 * Decides whether the Engine behind the socket is the one with this daemon's containers, and whether this
 * daemon may act on them. Pure.
 *
 * The id of the Engine is not enough. Engine 20.10 keeps it in /etc/docker, so two Engines of a machine share
 * it, and an Engine keeps it if its data is removed. So the directory of its data and the mark
 * (`engine_mark.ts`) are compared too. A copy of a data directory has the same id and nonce, but another
 * place.
 * @module
 */
import { type AdoptionWords, type EngineRecord, isSamePlace, type Place } from "../engine_bond.ts";
import type { EngineMark } from "./engine_mark.ts";

/** Facts about the Engine that answers. */
export interface ObservedEngine {
  id: string;
  root: string;
  mark?: EngineMark;
  /** Whether it has containers with this daemon's label. */
  hasRuns: boolean;
}

/** Facts that the daemon has recorded. */
export interface KnownBond {
  record?: EngineRecord;
  place: Place;
  /** See {@linkcode import("../engine_bond.ts").EngineBond}. */
  lastPlace?: Place;
  expectsRuns: boolean;
}

/** What to do about the Engine. */
export type Verdict =
  | { type: "same" }
  /**
   * It has nothing of this daemon, and none is expected. It may be used, but becomes the daemon's only when
   * something is created on it.
   */
  | { type: "unneeded" }
  /** It is this daemon's from now on; `mend`: only its mark is missing. */
  | { type: "take"; mend: boolean }
  /**
   * A person must confirm what `needs` lists. `reasons` are whole clauses without a full stop.
   */
  | { type: "refuse"; needs: AdoptionWords; reasons: string[] };

/** Whether the mark alone proves that the Engine is as the daemon left it. */
export function isProven(mark: EngineMark | undefined, known: Omit<KnownBond, "expectsRuns">): boolean {
  const { record, place, lastPlace } = known;
  return mark !== undefined && record !== undefined && lastPlace !== undefined &&
    mark.nonce === record.nonce && mark.path === record.mark && isSamePlace(lastPlace, place);
}

/** Judges an Engine whose mark alone is no proof. */
export function judgeEngine(observed: ObservedEngine, known: KnownBond): Verdict {
  const { mark } = observed;
  const { record, place, lastPlace } = known;
  const isSame = record?.id === observed.id && record.root === observed.root;
  if (isSame && isProven(mark, known)) return { type: "same" };
  const exchanged = exchangeOf(observed, known);
  const holder = holderOf(observed, known);
  if (exchanged === undefined && holder === undefined) {
    if (!known.expectsRuns && !observed.hasRuns) return { type: "unneeded" };
    return {
      type: "take",
      mend: isSame && !mark && lastPlace !== undefined && isSamePlace(lastPlace, place),
    };
  }
  return {
    type: "refuse",
    needs: { containersAreGone: exchanged !== undefined, takeOver: holder !== undefined },
    reasons: [exchanged, holder].filter((reason) => reason !== undefined),
  };
}

/** Why this is not the Engine with the daemon's containers. */
function exchangeOf(observed: ObservedEngine, known: KnownBond): string | undefined {
  const { id, root, mark, hasRuns } = observed;
  const { record, place, lastPlace, expectsRuns } = known;
  // Nothing can be compared if there is no record, from an earlier version or after a person's confirmation.
  // And if no runs are expected, any Engine is accepted.
  if (!record || !expectsRuns) return undefined;
  const copied = mark?.nonce === record.nonce && mark.path !== record.mark;
  if (id !== record.id || root !== record.root || copied) {
    return "another Docker Engine answers than the one that this daemon's containers are on " +
      `(that is ${record.id} with its data in ${record.root}, this is ${id} with its data in ${root})`;
  }
  const restored = mark && mark.nonce !== record.nonce && lastPlace && isSamePlace(mark.place, place);
  if (restored || (!mark && !hasRuns)) {
    return `the Docker Engine knows nothing of the containers that this daemon left on it: ${root} was emptied or exchanged`;
  }
  return undefined;
}

/** Why another daemon may use this id on the Engine. */
function holderOf({ mark }: ObservedEngine, known: KnownBond): string | undefined {
  const { record, place, lastPlace } = known;
  // A person has confirmed that the daemon continues here.
  if (!lastPlace) return undefined;
  if (!isSamePlace(lastPlace, place)) {
    if (!record && !mark) return undefined;
    return `this data directory was copied or moved: its daemon ran in ${describe(lastPlace, place)} last`;
  }
  if (record && mark && mark.nonce !== record.nonce && !isSamePlace(mark.place, place)) {
    return `a daemon with the same id in ${describe(mark.place, place)} has taken the Docker Engine over`;
  }
  return undefined;
}

function describe({ dataDir, machine }: Place, here: Place): string {
  if (machine !== here.machine) return `${dataDir} on another machine`;
  return dataDir === here.dataDir ? `another directory that was at ${dataDir}` : dataDir;
}

/** Advice about a refusal, for the hint of an error. */
export function adviseOn({ containersAreGone, takeOver }: AdoptionWords): string {
  const flags = [containersAreGone && "--containers-are-gone", takeOver && "--take-over"].filter(Boolean)
    .join(" ");
  const adopt = `rune admin adopt-engine ${flags}`;
  if (!takeOver) {
    return `bring the former Engine back (its data directory, DOCKER_HOST, docker.socket); only if every container ` +
      `that this daemon started there is gone: ${adopt}`;
  }
  return `if both are to run, make this one a daemon of its own from a backup (rune admin restore --as-copy); only if the ` +
    `other one is gone for good: ${adopt}`;
}
