/** Covers every case in which an Engine is this daemon's or not. @module */
import assert from "node:assert/strict";
import type { EngineRecord, Place } from "../engine_bond.ts";
import { adviseOn, isProven, judgeEngine, type KnownBond, type ObservedEngine } from "./engine_identity.ts";

const HERE: Place = { machine: "m", dataDir: "/d", inode: "1" };
const COPY: Place = { ...HERE, dataDir: "/copy", inode: "2" };
const SAME_PATH: Place = { ...HERE, inode: "3" };
const ELSEWHERE: Place = { ...HERE, machine: "n" };
const RECORD: EngineRecord = { id: "e", root: "/r", mark: "/r/m", nonce: "n" };
const MARK = { nonce: "n", place: HERE, path: "/r/m" };
const KNOWN: KnownBond = { record: RECORD, place: HERE, lastPlace: HERE, expectsRuns: true };
const SEEN: ObservedEngine = { id: "e", root: "/r", mark: MARK, hasRuns: true };

/** `same`, `unneeded`, `take`, `mend`, or the confirmation that a person must give. */
function verdict(observed: Partial<ObservedEngine>, known: Partial<KnownBond> = {}): string {
  const judged = judgeEngine({ ...SEEN, ...observed }, { ...KNOWN, ...known });
  if (judged.type === "take") return judged.mend ? "mend" : "take";
  if (judged.type !== "refuse") return judged.type;
  assert.equal(judged.reasons.length, Number(judged.needs.containersAreGone) + Number(judged.needs.takeOver));
  return adviseOn(judged.needs).split("rune admin adopt-engine ")[1]!;
}

const GONE = "--containers-are-gone";
const OVER = "--take-over";
const none = undefined;

const CASES: [
  what: string,
  observed: Partial<ObservedEngine>,
  known: Partial<KnownBond>,
  expected: string,
][] = [
  ["all as it was left", {}, {}, "same"],
  ["another id", { id: "f" }, {}, GONE],
  ["another id, and nothing is expected", { id: "f" }, { expectsRuns: false }, "take"],
  ["the same id with its data elsewhere, as with two Engines 20.10 of one machine", { root: "/s" }, {}, GONE],
  ["data that was copied with the mark", { mark: { ...MARK, path: "/s/m" } }, {}, GONE],
  ["emptied", { mark: none, hasRuns: false }, {}, GONE],
  ["emptied, and nothing is expected", { mark: none, hasRuns: false }, { expectsRuns: false }, "unneeded"],
  ["no container yet", { mark: none, hasRuns: false }, { record: none, expectsRuns: false }, "unneeded"],
  ["all are gone, and the mark is there", { hasRuns: false }, { expectsRuns: false }, "same"],
  [
    "nothing is expected, and containers are there",
    { mark: none },
    { record: none, expectsRuns: false },
    "take",
  ],
  ["the mark was pruned, the containers are there", { mark: none }, {}, "mend"],
  ["the former data is back after another one was adopted", { mark: { ...MARK, nonce: "o" } }, {}, GONE],
  ["the first Engine of all", { mark: none, hasRuns: false }, { record: none, lastPlace: none }, "take"],
  ["the state of an earlier version", { mark: none }, { record: none }, "take"],
  ["a copy on the same host", {}, { place: COPY }, OVER],
  ["a copy that is mounted where the original was", {}, { place: SAME_PATH }, OVER],
  ["a copy on another machine", {}, { place: ELSEWHERE }, OVER],
  ["a copy, when somebody pruned the mark", { mark: none }, { place: COPY }, OVER],
  ["a copy from before the first Engine", {}, { place: COPY, record: none }, OVER],
  ["a copy that never met an Engine, nor did the original", { mark: none, hasRuns: false }, {
    place: COPY,
    record: none,
    expectsRuns: false,
  }, "unneeded"],
  ["the original, after a copy took over", { mark: { ...MARK, nonce: "o", place: COPY } }, {}, OVER],
  ["a copy at another Engine", { id: "f", mark: none, hasRuns: false }, { place: COPY }, `${GONE} ${OVER}`],
  ["restored, by a person's word", {}, { place: COPY, lastPlace: none }, "take"],
  ["restored from before an adoption", { mark: { ...MARK, nonce: "o" } }, { lastPlace: none }, "take"],
  ["restored on another host", { id: "f", mark: none, hasRuns: false }, { lastPlace: none }, GONE],
];

for (const [what, observed, known, expected] of CASES) {
  Deno.test(`judgeEngine(): ${what}: ${expected}`, () => {
    assert.equal(verdict(observed, known), expected);
    const all = { ...KNOWN, ...known };
    const mark = "mark" in observed ? observed.mark : MARK;
    if (observed.id === undefined && observed.root === undefined) {
      assert.equal(isProven(mark, all), expected === "same", "the mark alone proves it only then");
    }
  });
}
