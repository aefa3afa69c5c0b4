/**
 * Keeps a long series of small steps from holding up everything else. Steps that need not wait follow one
 * another within one turn of the event loop, so timers and other requests wait until the last one is done.
 * Knows nothing of Rune.
 * @module
 */
import { sleep } from "./delay.ts";

/** How long a series of steps may hold up the others, in milliseconds. */
const TURN_MS = 10;

/**
 * Returns a function to call before each step of a series. When the series has gone on for 10 ms, the call
 * waits for the next turn of the event loop; otherwise it returns at once.
 */
export function makeTurns(): () => Promise<void> | undefined {
  let began = performance.now();
  return () => {
    if (performance.now() - began < TURN_MS) return undefined;
    return sleep(0).then(() => void (began = performance.now()));
  };
}
