/**
 * Explains YAML syntax errors in plain words, because the parser's messages use terms of its grammar.
 * @module
 */
import type { YAMLError } from "yaml";

/** A mistake, and what to do. */
export interface YamlMistake {
  message: string;
  hint?: string;
}

const QUOTES = 'put a text in quotes if it contains ": " or " #", or ends in ":"';

/** By the parser's error code. For other codes the parser's own message is clear. */
const WORDS: Partial<Record<YAMLError["code"], YamlMistake>> = {
  BLOCK_AS_IMPLICIT_KEY: {
    message: "a key inside another key's value",
    hint: `${QUOTES}; align the keys of one map`,
  },
  BLOCK_IN_FLOW: { message: "a key inside another key's value", hint: QUOTES },
  MULTILINE_IMPLICIT_KEY: {
    message: "a key without its colon",
    hint: "write `key: value`, or `- value` in a list",
  },
  TAB_AS_INDENT: { message: "a tab in the indentation", hint: "indent with spaces only" },
  BAD_SCALAR_START: {
    message: "a text cannot begin with this character unless it is in quotes",
    hint: "put the text in quotes",
  },
  BAD_INDENT: {
    message: "the indentation does not match, or an earlier bracket is not closed",
    hint: "indent it like its neighbours, and close every [ and {",
  },
  BAD_DQ_ESCAPE: {
    message: "unknown escape in double quotes",
    hint: "write \\\\ for a backslash, or use single quotes",
  },
  MISSING_CHAR: {
    message: "a quote, a bracket or a comma is missing before this",
    hint: "close what is open, and put commas between the entries of [ ] and { }",
  },
};

/** Describes the parser's mistake in plain words. */
export function yamlMistake({ code, message }: YAMLError): YamlMistake {
  return WORDS[code] ?? { message: message.split("\n")[0]! };
}
