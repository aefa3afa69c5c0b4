/** Commands that somebody wrote as one sentence: told with the list to write. @module */

/** What a shell reads as more than words. */
const SHELL = /[|&;<>$`*?~#(){}\n]/;
const WORD = /"((?:[^"\\]|\\.)*)"|'([^']*)'|[^\s"']+/y;
/** Words that YAML takes as they are. */
const PLAIN = /^[A-Za-z/.][A-Za-z0-9_./=@%+-]*$|^-{1,2}[A-Za-z][A-Za-z0-9_./=@%+-]*$/;

/** The words of a sentence; undefined where only a shell can tell. */
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
/** Longer sentences are not repeated. */
const SHOWN = 200;

/** The words that were meant; those of a shell that reads the sentence where that is needed. */
function splitOrWrap(text: string): string[] {
  return wordsOf(text) ?? ["sh", "-c", text];
}

/** What is wrong with a command of one text that holds several words: the list to write. Undefined for one word. */
export function sentenceIssue(text: string): string | undefined {
  if (!/\s/.test(text.trim())) return undefined;
  const list = text.length <= SHOWN
    ? `[${splitOrWrap(text.trim()).map(asYaml).join(", ")}]`
    : "[program, argument, …]";
  return `is one word with blanks in it, and no shell takes it apart: write a list, ${list}`;
}

/** The same for a process, whose words are in two fields; a path with blanks is one word. */
export function processSentenceIssue(text: string): string | undefined {
  const [first = "", ...rest] = text.trim().split(/\s+/);
  if (rest.length === 0) return undefined;
  const isPath = first.startsWith("/") && rest.at(-1)!.includes("/") &&
    !rest.some((word) => /^[-"'/.]/.test(word));
  if (isPath) return undefined;
  const [program, ...args] = text.length <= SHOWN ? splitOrWrap(text.trim()) : ["program", "argument, …"];
  return `is one word with blanks in it, and no shell takes it apart: write command: ${
    asYaml(program!)
  } and args: [${args.map(asYaml).join(", ")}]`;
}

/** The list that a text stands for where a list of words is expected: `[nc, -z, db]`. */
export function listToWrite(text: string): string | undefined {
  return text.trim() === "" || text.length > SHOWN
    ? undefined
    : `[${splitOrWrap(text.trim()).map(asYaml).join(", ")}]`;
}

/** What is wrong with the first word of a list, which is the program; undefined where it may be one. */
export function programIssue(program: string): string | undefined {
  if (processSentenceIssue(program) === undefined) return undefined;
  return `the program is one word with blanks in it, and no shell takes it apart: write ${
    listToWrite(program) ?? "[program, argument, …]"
  }`;
}
