/** Numbers that a printed seed repeats, and how often a run of the fault tests kills. @module */

/** How often the daemon is killed at random: 20, or what `RUNE_KILLS` says. */
export const KILLS = Number(Deno.env.get("RUNE_KILLS") ?? 20);
/** What all chance of a run comes from: `RUNE_SEED` repeats one that was printed. */
export const SEED = Number(Deno.env.get("RUNE_SEED") ?? Math.floor(Math.random() * 1e9));

/** Numbers in [0, 1) (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6D2B79F5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}
