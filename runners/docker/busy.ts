/** How the Engine is waited for while it is busy. @module */
export { sleepQuietly } from "../../base/delay.ts";

/** Milliseconds between looks at something that the Engine is busy with, and how many at most. */
export const BUSY = { everyMs: 50, times: 200 };
