/** Random numbers of a printed seed, and how often a run of the fault tests kills. @module */

/** The number of random kills: 20, or `RUNE_KILLS`. */
export const KILLS = Number(Deno.env.get("RUNE_KILLS") ?? 20);
/** The seed of everything random in a run; `RUNE_SEED` repeats a printed one. */
export const SEED = Number(Deno.env.get("RUNE_SEED") ?? Math.floor(Math.random() * 1e9));

/** Random numbers in [0, 1) (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6D2B79F5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}
