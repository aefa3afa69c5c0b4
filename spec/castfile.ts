/**
 * Castfiles: YAML (several documents) or JSON, each with the places of its fields, so that errors can point at them
 * (SPEC 2).
 * @module
 */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
} from "yaml";
import { type CastKind, type Declared, isCastKind, parseDeclared } from "./declared.ts";
import type { FieldIssue } from "./error.ts";
import { MAX_DEPTH } from "./limits.ts";
import { describeKey, type Kind, KINDS } from "./resource.ts";
import { didYouMean } from "./suggest.ts";

/** A place in a file, 1-based. */
export interface Position {
  file: string;
  line: number;
  column: number;
}

/** One resource of a castfile. */
export interface CastResource {
  declared: Declared;
  /** The body as written, namespace filled in: what goes over the wire. */
  body: Record<string, unknown>;
  /** Where a field stands; the nearest enclosing one when it does not. */
  locate(path: (string | number)[]): Position;
}

/** What a castfile holds. `resources` is complete only when `issues` is empty. */
export interface Castfile {
  resources: CastResource[];
  issues: FieldIssue[];
}

/** Castfile keys in both forms, for reading and for suggestions. */
const KEYS = new Map<string, { kind: CastKind; list: boolean }>();
for (const kind of Object.keys(KINDS) as Kind[]) {
  if (!isCastKind(kind)) continue;
  KEYS.set(kind, { kind, list: false });
  KEYS.set(kind.toLowerCase(), { kind, list: false });
  KEYS.set(kind === "storageClass" ? "storageClasses" : KINDS[kind].plural, { kind, list: true });
  KEYS.set(KINDS[kind].plural, { kind, list: true });
}
/** Sections of a runefile, which somebody may give for a castfile. */
const SETTINGS = /^(data[-_]?dir|server|storage|docker|expose|auth|crypto|node|backup)$/i;
const SUGGESTED = [...KEYS].filter(([key, { kind, list }]) => !list && key === kind).map(([key]) => key);

/** YAML aliases may expand to this many nodes; more is refused as a bomb. */
const MAX_ALIASES = 100;

/** The library looks for what an alias means in the whole document. */
const MOST_ALIASES = 1000;
/** Mistakes told of one file: who made more corrects these first. */
const MAX_ISSUES = 1000;
/** The library's own excerpts and its search for repeated keys take time that grows with the square of the file. */
const PARSING = { uniqueKeys: false, prettyErrors: false, version: "1.2" } as const;

interface Source {
  file: string;
  lines: LineCounter;
  document: Document;
}

function positionOf(node: unknown, source: Source): Position | undefined {
  const range = (node as Node | null)?.range;
  if (!range) return undefined;
  const { line, col } = source.lines.linePos(range[0]);
  return { file: source.file, line, column: col };
}

/** Walks to the node at `path` and points at its value if that is a scalar, else at its key. */
function locate(root: Node, path: (string | number)[], source: Source): Position {
  let node: unknown = root;
  let best = positionOf(root, source) ?? { file: source.file, line: 1, column: 1 };
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(source.document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part));
      if (!pair) return best;
      const value = pair.value;
      const pointAtKey = value === null || isCollection(value) || isAlias(value) ||
        (isScalar(value) && value.value === null);
      best = positionOf(pointAtKey ? pair.key : value, source) ?? best;
      node = value;
    } else if (isSeq(node) && typeof part === "number") {
      const item: unknown = node.items[part];
      if (item === undefined) return best;
      best = positionOf(isPair(item) ? item.key : item, source) ?? best;
      node = item;
    } else return best;
  }
  return best;
}

/** The key that holds an unknown field, where `path` ends at one: the name itself is wrong, so point at it. */
function locateKey(root: Node, path: (string | number)[], source: Source): Position {
  const parent = path.slice(0, -1);
  let node: unknown = root;
  for (const part of parent) {
    if (isAlias(node)) node = node.resolve(source.document);
    node = isMap(node) || isSeq(node) ? node.get(part, true) : undefined;
  }
  if (isAlias(node)) node = node.resolve(source.document);
  if (isMap(node)) {
    const last = String(path.at(-1));
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === last);
    const position = pair && positionOf(pair.key, source);
    if (position) return position;
  }
  return locate(root, path, source);
}

/**
 * What makes a document no castfile before anything recursive touches it: too deep, a key that is a map or a list, a key that stands
 * twice. The YAML library compares each key with every other, and writes keys that are maps out as text, level by level.
 */
function* misshapen(root: Node): Generator<{ node: unknown; message: string }> {
  let aliases = 0;
  const open: { node: unknown; depth: number }[] = [{ node: root, depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { node, depth } = next;
    if (isAlias(node) && ++aliases > MOST_ALIASES) {
      yield { node, message: `more than ${MOST_ALIASES} aliases` };
      return;
    }
    if (!isMap(node) && !isSeq(node)) continue;
    if (depth === MAX_DEPTH) {
      yield { node: root, message: `nested deeper than ${MAX_DEPTH} levels` };
      return;
    }
    const seen = new Set<unknown>();
    for (const item of node.items) {
      const pair = isPair(item) ? item : undefined;
      open.push({ node: pair ? pair.value : item, depth: depth + 1 });
      if (!pair) continue;
      if (isCollection(pair.key)) yield { node: pair.key, message: "a key must be a text" };
      else if (isScalar(pair.key) && seen.size === seen.add(pair.key.value).size) {
        yield { node: pair.key, message: "Map keys must be unique" };
      }
    }
  }
}

function readDocument(source: Source, namespace: string, out: Castfile): void {
  const before = out.issues.length;
  const { document, file, lines } = source;
  for (const error of document.errors) {
    const { line, col } = lines.linePos(error.pos[0]);
    out.issues.push({ path: [], message: error.message, file, line, column: col });
    if (out.issues.length >= MAX_ISSUES) return;
  }
  if (document.errors.length > 0 || document.contents === null) return;
  const root = document.contents as Node;
  if (isScalar(root) && root.value === null) return;
  const fail = (node: unknown, message: string, hint?: string) =>
    out.issues.push({ path: [], message, ...(hint && { hint }), ...positionOf(node, source) ?? { file } });
  for (const { node, message } of misshapen(root)) {
    fail(node, message);
    if (out.issues.length >= MAX_ISSUES) return;
  }
  if (out.issues.length > before) return;
  if (!isMap(root)) {
    return void fail(
      root,
      "expected a map with a key such as service or volume",
      "write a key per resource, for example `service:`",
    );
  }
  let plain: Record<string, unknown>;
  try {
    plain = document.toJS({ maxAliasCount: MAX_ALIASES }) as Record<string, unknown>;
  } catch (error) {
    return void fail(root, error instanceof Error ? error.message : String(error));
  }
  if (Object.hasOwn(plain, "apiVersion") && Object.hasOwn(plain, "kind")) {
    return void fail(
      root,
      "this looks like a Kubernetes manifest",
      "a castfile holds a key per resource, for example `service:` with name, image and scale",
    );
  }
  if (root.items.length > 0 && Object.keys(plain).every((key) => SETTINGS.test(key))) {
    return void fail(root, "this looks like a runefile", "check it with `rune lint --runefile`");
  }
  for (const pair of root.items) {
    const key = isScalar(pair.key) ? String(pair.key.value) : "";
    if (key.startsWith("x-")) continue; // room for anchors, as in Compose files
    const known = KEYS.get(key);
    if (!known) {
      fail(pair.key, `unknown resource "${key}"`, didYouMean(key, SUGGESTED));
      continue;
    }
    const value = plain[key];
    const target = isAlias(pair.value) ? pair.value.resolve(document) : pair.value;
    if (known.list !== Array.isArray(value) || typeof value !== "object" || value === null) {
      fail(pair.key, `expected ${known.list ? "a list" : "a map"} under "${key}"`);
      continue;
    }
    const bodies = known.list ? value as unknown[] : [value];
    bodies.forEach((body, i) => {
      const node = (known.list && isSeq(target) ? target.items[i] : target) as Node;
      readBody({ kind: known.kind, body, node }, { source, namespace, out });
    });
  }
}

function readBody(
  { kind, body, node }: { kind: CastKind; body: unknown; node: Node },
  { source, namespace, out }: { source: Source; namespace: string; out: Castfile },
): void {
  const root = isAlias(node) ? node.resolve(source.document) as Node : node;
  const result = parseDeclared(kind, body, { namespace });
  if ("issues" in result) {
    for (const issue of result.issues) {
      const at = issue.message.startsWith("unknown field") ? locateKey : locate;
      out.issues.push({ ...issue, ...at(root, issue.path, source) });
    }
    return;
  }
  const { declared } = result;
  const written = body as Record<string, unknown>;
  out.resources.push({
    declared,
    body: KINDS[kind].namespaced ? { ...written, namespace: declared.namespace } : written,
    locate: (path) => locate(root, path, source),
  });
}

/**
 * Reads one castfile.
 *
 * @param text YAML or JSON.
 * @param options `file` names it in errors; `namespace` is for resources that name none.
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

/** Resources that stand in a set more than once, each with the place of its first. */
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
