/** How to wait for the Engine while it is busy. @module */
export { sleepQuietly } from "../../base/delay.ts";

/** Milliseconds between checks while the Engine is busy, and the most checks. */
export const BUSY = { everyMs: 50, times: 200 };
