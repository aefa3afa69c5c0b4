/** Detects commands written as one sentence, and suggests the list to write instead. @module */

/** Characters that only a shell interprets. */
const SHELL = /[|&;<>$`*?~#(){}\n]/;
const WORD = /"((?:[^"\\]|\\.)*)"|'([^']*)'|[^\s"']+/y;
/** Words that need no quotes in YAML. */
const PLAIN = /^[A-Za-z/.][A-Za-z0-9_./=@%+-]*$|^-{1,2}[A-Za-z][A-Za-z0-9_./=@%+-]*$/;

/** Splits a sentence into words; undefined if only a shell could. */
function wordsOf(text: string): string[] | undefined {
  if (SHELL.test(text.replace(/'[^']*'/g, ""))) return undefined;
  const words: string[] = [];
  let glued = false;
  for (let at = 0; at < text.length;) {
    if (/\s/.test(text[at]!)) {
      at++;
      glued = false;
      continue;
    }
    WORD.lastIndex = at;
    const match = WORD.exec(text);
    if (!match) return undefined;
    const word = match[1] ?? match[2] ?? match[0];
    if (glued) words.push(words.pop()! + word);
    else words.push(word);
    glued = true;
    at = WORD.lastIndex;
  }
  return words;
}

const asYaml = (word: string) => PLAIN.test(word) ? word : JSON.stringify(word);
/** The longest sentence that a message repeats. */
const SHOWN = 200;

/** The words that the author probably meant, run by a shell if the sentence needs one. */
function splitOrWrap(text: string): string[] {
  return wordsOf(text) ?? ["sh", "-c", text];
}

/**
 * Reports a command whose single text holds several words, with the list to write. Returns undefined for one
 * word.
 */
export function sentenceIssue(text: string): string | undefined {
  if (!/\s/.test(text.trim())) return undefined;
  const list = text.length <= SHOWN
    ? `[${splitOrWrap(text.trim()).map(asYaml).join(", ")}]`
    : "[program, argument, …]";
  return `is one word with spaces in it, and no shell splits it: write a list, ${list}`;
}

/** The same for a process, which has two fields for its words. A path with spaces counts as one word. */
export function processSentenceIssue(text: string): string | undefined {
  const [first = "", ...rest] = text.trim().split(/\s+/);
  if (rest.length === 0) return undefined;
  const isPath = first.startsWith("/") && rest.at(-1)!.includes("/") &&
    !rest.some((word) => /^[-"'/.]/.test(word));
  if (isPath) return undefined;
  const [program, ...args] = text.length <= SHOWN ? splitOrWrap(text.trim()) : ["program", "argument, …"];
  return `is one word with spaces in it, and no shell splits it: write command: ${
    asYaml(program!)
  } and args: [${args.map(asYaml).join(", ")}]`;
}

/** The list that a text probably means where a list of words is expected: `[nc, -z, db]`. */
export function listToWrite(text: string): string | undefined {
  return text.trim() === "" || text.length > SHOWN
    ? undefined
    : `[${splitOrWrap(text.trim()).map(asYaml).join(", ")}]`;
}

/** Reports a first word of a list that cannot be a program. */
export function programIssue(program: string): string | undefined {
  if (processSentenceIssue(program) === undefined) return undefined;
  return `the program is one word with spaces in it, and no shell splits it: write ${
    listToWrite(program) ?? "[program, argument, …]"
  }`;
}
