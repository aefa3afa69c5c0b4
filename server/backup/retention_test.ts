import assert from "node:assert/strict";
import fc from "fast-check";
import {
  backupName,
  dueInMs,
  findBackups,
  findPartials,
  lastOf,
  partialName,
  surplusOf,
} from "./retention.ts";

const ID = "1a2b3c4d-0000-0000-0000-000000000000";
const NOW = new Date("2026-01-31T12:00:00.000Z");
const HOUR = 3_600_000;
/** The name of a backup that was begun some hours ago. */
const hoursAgo = (hours: number) => backupName(ID, new Date(NOW.getTime() - hours * HOUR));

Deno.test("backupName() has the time in UTC and sorts by it; findBackups() reads it back, newest first", () => {
  assert.equal(hoursAgo(0), "rune-1a2b3c4d-20260131T120000Z.tgz");
  const names = [30, 2, 9].map(hoursAgo);
  assert.deepEqual(findBackups(names, ID).map((b) => b.name), [...names].sort().reverse());
  assert.equal(findBackups([hoursAgo(9)], ID)[0]!.at, NOW.getTime() - 9 * HOUR);
});

Deno.test("findBackups() and findPartials() find nothing that another program, or another daemon, may have put there", () => {
  const foreign = [
    "rune.tgz",
    "rune-1a2b3c4d-20260131T120000Z.tgz.bak",
    "old-rune-1a2b3c4d-20260131T120000Z.tgz",
    "rune-1a2b3c4d-20260131T120000Z.tar",
    "rune-1a2b3c4d-20261331T120000Z.tgz",
    "rune-1a2b3c4d-monday.tgz",
    "rune-99999999-20260131T120000Z.tgz",
    ".rune-99999999-20260131T120000Z.tgz.partial",
    ".rune.tgz.partial",
    "rune-1a2b3c4d-20260131T120000Z.tgz.partial",
  ];
  const own = hoursAgo(1);
  assert.deepEqual(findBackups([...foreign, own, partialName(own)], ID).map((b) => b.name), [own]);
  assert.deepEqual(findPartials([...foreign, own, partialName(own)], ID), [partialName(own)]);
});

/**
 * Hours since the backups that there are were begun, `every` in hours, and in how many hours the next is due.
 */
const DUE: [what: string, backups: number[], every: number, dueInHours: number][] = [
  ["there is none", [], 24, 0],
  ["the last is recent", [1, 25], 24, 23],
  ["it is time", [24], 24, 0],
  ["many were missed", [999], 24, 0],
  ["the clock was set back, and all are ahead of it", [-2, -1], 1, 0],
  ["the clock was set back, and one was made since", [-2, 0.5], 1, 0.5],
  ["the last is seconds ahead, as clocks differ", [-1 / 120], 1, 1 + 1 / 120],
];

for (const [what, backups, every, dueInHours] of DUE) {
  Deno.test(`dueInMs() where ${what}`, () => {
    const found = findBackups(backups.map(hoursAgo), ID);
    assert.equal(dueInMs(lastOf(found, NOW), { everyMs: every * HOUR, now: NOW }), dueInHours * HOUR);
  });
}

/** Hours since the others were begun when one was made just now, what is kept, and which go. */
const SURPLUS: [what: string, others: number[], keep: number, removed: number[]][] = [
  ["there are fewer than are kept", [1, 2], 3, []],
  ["there are more", [4, 1, 3, 2], 3, [3, 4]],
  ["only one is kept", [1, 2], 1, [1, 2]],
  ["the clock was set back: those ahead of it go first", [-2, -1, 1], 3, [-1]],
  ["the clock was set back, and only one is kept", [-2, -1], 1, [-2, -1]],
];

for (const [what, others, keep, removed] of SURPLUS) {
  Deno.test(`surplusOf() where ${what}`, () => {
    const made = hoursAgo(0);
    const surplus = surplusOf(findBackups([...others.map(hoursAgo), made], ID), { made, keep, now: NOW });
    assert.deepEqual(surplus.map((b) => b.name).sort(), removed.map(hoursAgo).sort());
  });
}

Deno.test("surplusOf() leaves as many as are kept, among them the one that was made, whatever the times", () => {
  const hours = fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 12 });
  fc.assert(fc.property(hours, fc.integer({ min: 1, max: 5 }), ([first, ...others], keep) => {
    const made = hoursAgo(first!);
    const all = findBackups([made, ...others.map(hoursAgo)], ID);
    const surplus = surplusOf(all, { made, keep, now: NOW });
    assert.ok(!surplus.some((b) => b.name === made));
    assert.equal(all.length - surplus.length, Math.min(keep, all.length));
  }));
});
