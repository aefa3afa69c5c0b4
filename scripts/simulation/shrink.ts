/** Shortens a history that breaks a promise, as long as it still breaks the same one. @module */
import type { History } from "./events.ts";
import { play, type Played } from "./play.ts";
import type { Violation } from "./world.ts";

/** The most attempts; each costs one history. */
const MOST_TRIES = 400;

/** Removes events, from last to first, until every remaining one is necessary. */
export async function shrink(
  history: History,
  { violation, trace }: Played,
): Promise<{ history: History; violation: Violation; trace: string[] }> {
  let best = { history, violation: violation!, trace };
  let tries = 0;
  for (let again = true; again && tries < MOST_TRIES;) {
    again = false;
    for (let i = best.history.events.length - 1; i >= 0 && tries < MOST_TRIES; i--, tries++) {
      const shorter = { ...history, events: best.history.events.filter((_, n) => n !== i) };
      const played = await play(shorter);
      if (played.violation?.promise !== best.violation.promise) continue;
      best = { history: shorter, violation: played.violation, trace: played.trace };
      again = true;
    }
  }
  return best;
}
