/** What is wrong with the YAML of a file, in plain words: the parser's own speak of its grammar. @module */
import type { YAMLError } from "yaml";

/** A mistake, and what to do. */
export interface YamlMistake {
  message: string;
  hint?: string;
}

const QUOTES = 'put a text in quotes that holds ": " or " #", or ends in ":"';

/** By the parser's codes. What is not here has a message that says it. */
const WORDS: Partial<Record<YAMLError["code"], YamlMistake>> = {
  BLOCK_AS_IMPLICIT_KEY: {
    message: "a key stands inside of another key's value",
    hint: `${QUOTES}; begin the keys of one map below each other`,
  },
  BLOCK_IN_FLOW: { message: "a key stands inside of another key's value", hint: QUOTES },
  MULTILINE_IMPLICIT_KEY: {
    message: "a key without its colon",
    hint: "write `key: value`, or `- value` in a list",
  },
  TAB_AS_INDENT: { message: "a tab stands where YAML counts blanks", hint: "indent with blanks alone" },
  BAD_SCALAR_START: {
    message: "no text without quotes begins with this character",
    hint: "put the text in quotes",
  },
  BAD_INDENT: {
    message: "this begins at another column than what it belongs to, or a bracket before it is not closed",
    hint: "indent it as its neighbours, and close every [ and {",
  },
  BAD_DQ_ESCAPE: {
    message: "this is no escape that double quotes know",
    hint: "write \\\\ for a backslash, or take single quotes",
  },
  MISSING_CHAR: {
    message: "a quote, a bracket or a comma is missing before this",
    hint: "close what is open, and put commas between the entries of [ ] and { }",
  },
};

/** The mistake that the parser found, in plain words. */
export function yamlMistake({ code, message }: YAMLError): YamlMistake {
  return WORDS[code] ?? { message: message.split("\n")[0]! };
}
