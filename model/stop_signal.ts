/**
 * The signal that asks a service's main process to end. Stored as `SIGTERM`; Docker's other spellings are
 * accepted.
 * @module
 */
import { z } from "zod";
import { textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";

/** Linux's signals in order, from 1 (signal(7)). */
const NAMES = (
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU " +
  "XFSZ VTALRM PROF WINCH IO PWR SYS"
).split(" ");
const OTHER_NAMES: Record<string, string> = { IOT: "ABRT", POLL: "IO", CLD: "CHLD" };
/** Signals that pause or resume a process. */
const NO_END = ["STOP", "TSTP", "TTIN", "TTOU", "CONT"];
/** The range of real-time signals, as the C library counts them. */
const REAL_TIME = { first: 34, last: 64 };

/** `SIGRTMIN`, or a signal above it. */
function realTime(number: number): string | undefined {
  const { first, last } = REAL_TIME;
  if (number < first || number > last) return undefined;
  return number === first ? "SIGRTMIN" : `SIGRTMIN+${number - first}`;
}

/** Normalises a signal's name or number; undefined if there is no such signal. */
export function parseSignal(text: string): string | undefined {
  const plain = text.trim().toUpperCase().replace(/^SIG/, "");
  if (/^\d+$/.test(plain)) {
    const name = NAMES[Number(plain) - 1];
    return name === undefined ? realTime(Number(plain)) : `SIG${name}`;
  }
  const [, base, offset = "0"] = /^(RTMIN|RTMAX)([+-]\d{1,2})?$/.exec(plain) ?? [];
  if (base !== undefined) {
    return realTime((base === "RTMIN" ? REAL_TIME.first : REAL_TIME.last) + Number(offset));
  }
  const name = OTHER_NAMES[plain] ?? plain;
  return NAMES.includes(name) ? `SIG${name}` : undefined;
}

/** Whether only the Engine can send it: the daemon's runtime has no name for it. */
export const isRealTime = (signal: string): boolean => signal.startsWith("SIGRT");

/** A signal. `SIGQUIT`, `quit` and `3` are the same. */
export const stopSignalSchema = textUpTo(LIMITS.word).transform((text, ctx) => {
  const signal = parseSignal(text);
  if (signal !== undefined && !NO_END.includes(signal.slice(3))) return signal;
  const message = signal === undefined
    ? `expected a signal such as SIGTERM, SIGINT, SIGQUIT or SIGUSR1, found ${JSON.stringify(text)}`
    : `${signal} does not end a process; write SIGTERM, or another signal on which the program shuts down`;
  ctx.addIssue({ code: "custom", message });
  return z.NEVER;
});
