/** A command as a list of words, the program first. @module */
import { programIssue } from "./command_words.ts";
import { argumentText, listUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";

/** The words of a command. */
export const wordsSchema = listUpTo(argumentText, LIMITS.arguments).min(1).superRefine(([program], ctx) => {
  const message = program === undefined ? undefined : programIssue(program);
  if (message !== undefined) ctx.addIssue({ code: "custom", path: [0], message });
});
