/**
 * What the main process of a run does in the suite, said so that a shell and a fake can both do it.
 * @module
 */

/** A program. It prints what it says at once, and then ends by itself or runs until it is stopped. */
export interface Program {
  /** Lines of output, in order. */
  says?: (string | { stderr: string })[];
  /** The code with which it ends by itself. */
  exits?: number;
  /** How long it runs before that, in milliseconds. */
  afterMs?: number;
  /**
   * The codes with which it ends when a signal asks it to: `{ SIGTERM: 7 }`. It ignores every other signal
   * that can be ignored.
   */
  heeds?: Record<string, number>;
  /** What it prints on such a signal. */
  lastWords?: string;
}

const ASKING = ["TERM", "INT", "QUIT", "USR1", "HUP"];

/** The program as a script of `/bin/sh`. */
export function scriptOf({ says = [], exits, afterMs = 0, heeds = {}, lastWords }: Program): string {
  const ignored = ASKING.filter((name) => heeds[`SIG${name}`] === undefined);
  const parting = lastWords === undefined ? "" : `echo ${lastWords}; `;
  return [
    `trap '' ${ignored.join(" ")}`,
    ...Object.entries(heeds).map(([signal, code]) => `trap '${parting}exit ${code}' ${signal.slice(3)}`),
    ...says.map((line) => typeof line === "string" ? `echo ${line}` : `echo ${line.stderr} >&2`),
    ...exits === undefined
      ? ["while :; do sleep 0.05; done"]
      : [...afterMs > 0 ? [`sleep ${afterMs / 1000}`] : [], `exit ${exits}`],
  ].join("\n");
}

/** Ends by itself on SIGTERM with code 7; says so when its handler is in place. */
export const OBEDIENT: Program = { says: ["ready"], heeds: { SIGTERM: 7 } };
/** Ignores every signal that can be ignored. */
export const STUBBORN: Program = { says: ["ready"] };
