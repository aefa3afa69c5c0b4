/**
 * Castfiles: YAML (several documents) or JSON, each with the places of its fields, so that errors can point
 * at them.
 * @module
 */
import { type Document, LineCounter, parseAllDocuments } from "yaml";
import { type CastKind, type Declared, isCastKind, parseDeclared } from "./declared.ts";
import type { FieldIssue } from "./error.ts";
import { foreignFile, isRunefile } from "./foreign_file.ts";
import { describeKey, type Kind, KINDS } from "./resource.ts";
import { didYouMean } from "./suggest.ts";
import { readYamlTree, type YamlTree } from "./yaml_tree.ts";
import { yamlMistake } from "./yaml_words.ts";

/** A position in a file; line and column start at 1. */
export interface Position {
  file: string;
  line: number;
  column: number;
}

/** One resource of a castfile. */
export interface CastResource {
  declared: Declared;
  /**
   * The body as written, with texts as they stand in the file and the namespace filled in. This goes over the
   * wire.
   */
  body: Record<string, unknown>;
  /** The position of a field, or of the nearest enclosing field that exists. */
  locate(path: (string | number)[]): Position;
}

/** The content of a castfile. `resources` is complete only if `issues` is empty. */
export interface Castfile {
  resources: CastResource[];
  issues: FieldIssue[];
}

/** Castfile keys, singular and plural, for reading and for suggestions. */
const KEYS = new Map<string, { kind: CastKind; list: boolean }>();
for (const kind of Object.keys(KINDS) as Kind[]) {
  if (!isCastKind(kind)) continue;
  KEYS.set(kind, { kind, list: false });
  KEYS.set(kind.toLowerCase(), { kind, list: false });
  KEYS.set(kind === "storageClass" ? "storageClasses" : KINDS[kind].plural, { kind, list: true });
  KEYS.set(KINDS[kind].plural, { kind, list: true });
}
const SUGGESTED = [...KEYS].filter(([key, { kind, list }]) => !list && key === kind).map(([key]) => key);

/** The most mistakes reported for one file. */
const MAX_ISSUES = 1000;
/** Turns off the library's excerpts and its search for repeated keys: both take quadratic time. */
const PARSING = { uniqueKeys: false, prettyErrors: false, version: "1.2" } as const;

interface Source {
  file: string;
  lines: LineCounter;
  document: Document;
}

function readDocument(source: Source, namespace: string, out: Castfile): void {
  const { document, file, lines } = source;
  // Report the first mistake only: the others are often a consequence of it.
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    out.issues.push({ path: [], ...yamlMistake(error), file, line, column: col });
    return;
  }
  if (document.contents === null) return;
  const tree = readYamlTree(document, lines);
  if (tree.problems.length > 0) {
    const room = MAX_ISSUES - out.issues.length;
    out.issues.push(...tree.problems.slice(0, room).map((problem) => ({ path: [], file, ...problem })));
    return;
  }
  if (tree.value === null) return;
  const fail = (path: (string | number)[], message: string, hint?: string) =>
    out.issues.push({
      path: [],
      message,
      ...(hint && { hint }),
      file,
      ...tree.locate(path, { key: true }),
    });
  if (typeof tree.value !== "object" || Array.isArray(tree.value)) {
    return void fail(
      [],
      "expected a map with a key such as service or volume",
      "write a key per resource, for example `service:`",
    );
  }
  const root = tree.value as Record<string, unknown>;
  const foreign = foreignFile(root);
  if (foreign) return void fail(foreign.path, foreign.message, foreign.hint);
  for (const [key, value] of Object.entries(root)) {
    if (key.startsWith("x-")) continue; // room for anchors, as in Compose files
    const known = KEYS.get(key);
    if (!known) {
      fail([key], `unknown resource "${key}"`, didYouMean(key, SUGGESTED));
      continue;
    }
    if (known.list !== Array.isArray(value) || typeof value !== "object" || value === null) {
      fail([key], `expected ${known.list ? "a list" : "a map"} under "${key}"`);
      continue;
    }
    const paths = known.list ? (value as unknown[]).map((_, i) => [key, i]) : [[key]];
    for (const path of paths) readBody({ kind: known.kind, path }, { tree, file, namespace, out });
  }
}

function valueAt(value: unknown, path: (string | number)[]): unknown {
  return path.reduce((at: unknown, part) => (at as Record<string | number, unknown>)[part], value);
}

function readBody(
  { kind, path }: { kind: CastKind; path: (string | number)[] },
  { tree, file, namespace, out }: { tree: YamlTree; file: string; namespace: string; out: Castfile },
): void {
  const locate = (inside: (string | number)[], key = false): Position => ({
    file,
    ...tree.locate([...path, ...inside], { key }) ?? { line: 1, column: 1 },
  });
  const texts = valueAt(tree.texts, path);
  const result = parseDeclared(kind, valueAt(tree.value, path), { namespace, texts });
  if ("issues" in result) {
    for (const issue of result.issues) {
      // The name itself is the mistake, so point at it.
      out.issues.push({ ...issue, ...locate(issue.path, issue.message.startsWith("unknown field")) });
    }
    return;
  }
  const { declared, body } = result;
  out.resources.push({
    declared,
    body: KINDS[kind].namespaced ? { ...body, namespace: declared.namespace } : body,
    locate: (inside) => locate(inside),
  });
}

/**
 * Parses one castfile.
 *
 * @param text YAML or JSON.
 * @param options `file` names the file in errors; `namespace` applies to resources that do not name one.
 */
export function parseCastfile(text: string, options: { file: string; namespace: string }): Castfile {
  const out: Castfile = { resources: [], issues: [] };
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, ...PARSING });
  if (!Array.isArray(documents)) return out;
  for (const document of documents) {
    if (out.issues.length >= MAX_ISSUES) break;
    readDocument({ file: options.file, lines, document }, options.namespace, out);
  }
  return out;
}

/** Reports resources that appear twice in a set, with the position of the first. */
export function findDuplicates(resources: CastResource[]): FieldIssue[] {
  const first = new Map<string, CastResource>();
  const issues: FieldIssue[] = [];
  for (const resource of resources) {
    const { declared } = resource;
    const key = `${declared.kind} ${describeKey(declared)}`;
    const earlier = first.get(key);
    if (!earlier) {
      first.set(key, resource);
      continue;
    }
    const at = earlier.locate(["name"]);
    issues.push({
      path: ["name"],
      message: `${key} is declared twice; the first is at ${at.file}:${at.line}:${at.column}`,
      ...resource.locate(["name"]),
    });
  }
  return issues;
}

/** Whether a text looks like a runefile, judging by its keys. */
export function looksLikeRunefile(text: string): boolean {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, ...PARSING });
  if (!Array.isArray(documents) || documents.length !== 1 || documents[0]!.errors.length > 0) return false;
  const { value } = readYamlTree(documents[0]!, lines);
  return typeof value === "object" && value !== null && isRunefile(value as Record<string, unknown>);
}
