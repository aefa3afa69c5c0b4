/** Policy files: one policy per document, in the format of `rune admin policy get`. @module */
import { LineCounter, parseAllDocuments } from "yaml";
import type { z } from "zod";
import { policyBody } from "../../model/identity.ts";
import { textsAsWritten } from "../../model/text_fields.ts";
import { readYamlTree } from "../../model/yaml_tree.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import type { SourceText } from "./sources.ts";

/** A policy as a file contains it. */
export type PolicyFile = z.output<typeof policyBody>;

const HINT = "write name, description and rules, as rune admin policy get shows them";

/**
 * Parses every policy of a file, ignoring `builtin`, which `rune admin policy get` also prints. @throws
 * {UsageError} for anything else.
 */
export function parsePolicies({ file, text }: SourceText, options: { name?: string } = {}): PolicyFile[] {
  const lines = new LineCounter();
  const documents = [...parseAllDocuments(text, { version: "1.2", lineCounter: lines })];
  const values = documents.map((document) => {
    const tree = readYamlTree(document, lines);
    const [problem] = [...document.errors, ...tree.problems];
    if (problem) {
      throw new UsageError(`${file}: ${problem.message.split("\n")[0]}`, "policies are YAML or JSON");
    }
    return textsAsWritten(tree.value, policyBody, tree);
  }).filter((value) => value !== null);
  if (values.length === 0) throw new UsageError(`${file} contains no policy`, HINT);
  if (options.name !== undefined && values.length > 1) {
    throw new UsageError(`${file} contains ${values.length} policies`, "omit the name: each has its own");
  }
  return values.map((value) => {
    if (typeof value !== "object" || Array.isArray(value)) {
      throw new UsageError(`${file} contains no policy`, HINT);
    }
    const { builtin: _, ...body } = value as Record<string, unknown>;
    const parsed = policyBody.safeParse(options.name === undefined ? body : { ...body, name: options.name });
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const path = issue!.path.length === 0 ? "" : `${issue!.path.join(".")}: `;
    throw new UsageError(`${file}: ${path}${issue!.message}`, HINT);
  });
}
