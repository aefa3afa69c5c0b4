/** A program with uncaught errors, which survives them, says so, and ends by itself. @module */
import { configure, getConsoleSink, getLogger } from "@logtape/logtape";
import { catchUnhandled, unhandledErrors } from "./last_resort.ts";

await configure({
  sinks: { out: getConsoleSink() },
  loggers: [{ category: "child", sinks: ["out"] }, { category: ["logtape", "meta"], lowestLevel: "error" }],
});
catchUnhandled(getLogger("child"));
void Promise.reject(new Error("of a promise"));
setTimeout(() => {
  throw new Error("of a timer");
}, 0);
queueMicrotask(() => {
  throw new Error("of a microtask");
});
reportError(new Error("of a listener"));
const began = performance.now();
const wait = setInterval(() => {
  if (unhandledErrors() < 4 && performance.now() - began < 10_000) return;
  clearInterval(wait);
  console.log(`alive after ${unhandledErrors()}`);
}, 5);
