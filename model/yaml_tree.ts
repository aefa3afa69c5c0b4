/**
 * Builds plain values from a YAML document. It keeps the source text of each value, resolves merge keys
 * (`<<`) and aliases, and knows the position of everything, including what an alias stands for.
 * @module
 */
import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { MAX_DEPTH } from "./limits.ts";

/** A position in a text; line and column start at 1. */
export interface Place {
  line: number;
  column: number;
}

/** A mistake in a document, found before any schema checks it. */
export interface YamlProblem extends Partial<Place> {
  message: string;
  hint?: string;
}

/** A document as plain values. */
export interface YamlTree {
  /** The values as YAML defines them; null for an empty document. */
  value: unknown;
  /** The same tree with source texts instead of numbers and booleans: `0427`, `1.10`, `True`. */
  texts: unknown;
  /** Why the tree must not be used; empty if it is fine. */
  problems: YamlProblem[];
  /**
   * The position of a field, or of the nearest enclosing field in the file.
   *
   * @param options.key the position of the field's name rather than its value.
   */
  locate(path: (string | number)[], options?: { key?: boolean }): Place | undefined;
}

/** The most problems reported for one document. */
const MAX_PROBLEMS = 1000;
/** More aliases than any person writes. */
const MAX_ALIASES = 10_000;
/**
 * The most values that the aliases and merges of a document may expand to; a long text counts as several.
 * More is an attack.
 */
const MAX_EXPANDED = 100_000;
/** This many characters of a text count as one value. */
const VALUE_LENGTH = 100;
/** The tags of JSON's types. The library would ignore any other tag. */
const TAGS = /^(!|tag:yaml\.org,2002:(str|int|float|bool|null|map|seq))$/;

/** A value and its position. */
interface Entry {
  /** The name before it; absent in lists. */
  key?: unknown;
  /** The value as written here: possibly an alias, or null if nothing is written. */
  node: unknown;
  built: BuiltValue;
}

/** A value that was built. Each anchor is built once. */
interface BuiltValue {
  value: unknown;
  texts: unknown;
  /** Of a map by name, of a list by index. */
  entries?: Map<string | number, Entry>;
  /** The number of values inside, counting itself and every expansion of an alias. */
  weight: number;
  height: number;
}

/** Thrown to stop building a document that is refused. */
class Refused extends Error {
  constructor(readonly node: unknown, message: string, readonly hint?: string) {
    super(message);
  }
}

const isMergeKey = (key: unknown): boolean => isScalar(key) && key.type === "PLAIN" && key.source === "<<";

/** The name that a key spells; undefined if it is not a text. */
function keyText(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  const text = typeof key.value === "string" ? key.value : key.source;
  return text === "" && key.value === null ? undefined : text;
}

/** The nodes of a document in file order, down to the depth limit. */
function* nodesInOrder(root: unknown): Generator<{ node: unknown; depth: number }> {
  const open = [{ node: root, depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    yield next;
    const { node, depth } = next;
    if (!isCollection(node) || depth > MAX_DEPTH) continue;
    // Keys that are maps or lists are refused later.
    const inner = node.items.flatMap((item) =>
      isPair(item) ? (isCollection(item.key) ? [item.value] : [item.key, item.value]) : [item]
    );
    for (const node of inner.reverse()) open.push({ node, depth: depth + 1 });
  }
}

/**
 * Finds the targets of aliases, and refuses documents that cannot become plain values, before anything
 * recurses.
 */
class Survey {
  readonly targets = new Map<Alias, Node>();
  readonly problems: { node: unknown; message: string; hint?: string }[] = [];

  constructor(root: unknown) {
    const anchors = new Map<string, Node>();
    for (const { node, depth } of nodesInOrder(root)) {
      if (this.problems.length >= MAX_PROBLEMS) return;
      if (depth > MAX_DEPTH) {
        this.problems.splice(0, Infinity, { node: root, message: `nested deeper than ${MAX_DEPTH} levels` });
        return;
      }
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target) this.targets.set(node, target);
        else {
          this.#fail(node, `nothing before *${node.source} is marked &${node.source}`, {
            hint: "an anchor must come before its aliases, in the same document",
          });
        }
        if (this.targets.size > MAX_ALIASES) {
          this.#fail(node, `more than ${MAX_ALIASES} aliases`);
          return;
        }
        continue;
      }
      if (isScalar(node) || isCollection(node)) {
        if (node.anchor !== undefined) anchors.set(node.anchor, node);
        if (node.tag !== undefined && !TAGS.test(node.tag)) {
          this.#fail(node, `the tag ${node.tag} is not supported`, {
            hint: "remove it; put a text that begins with ! in quotes",
          });
        }
      }
      if (isMap(node)) this.#surveyKeys(node);
    }
  }

  #fail(node: unknown, message: string, { hint }: { hint?: string } = {}): void {
    this.problems.push({ node, message, ...(hint !== undefined && { hint }) });
  }

  #surveyKeys({ items }: YAMLMap): void {
    const seen = new Set<string>();
    for (const { key } of items) {
      // An alias as a key is checked when it is built.
      if (isAlias(key)) continue;
      const text = keyText(key);
      if (text === undefined) {
        this.#fail(key, "a key must be a text", {
          hint: 'put a text that begins with { or [ in quotes, such as "{{ secret:db/password }}"',
        });
      } else if (seen.size === seen.add(text).size) {
        const merge = isMergeKey(key) ? { hint: "merge several in one line: <<: [*first, *second]" } : {};
        this.#fail(key, "Map keys must be unique", merge);
      }
    }
  }
}

class Builder {
  readonly #targets: Survey["targets"];
  readonly #built = new Map<unknown, BuiltValue>();
  readonly #underWay = new Set<unknown>();
  #expanded = 0;

  constructor({ targets }: Survey) {
    this.#targets = targets;
  }

  build(node: unknown): BuiltValue {
    if (isAlias(node)) return this.#expand(node, this.build(this.#target(node)));
    if (isScalar(node)) return scalar(node);
    if (!isMap(node) && !isSeq(node)) return { value: null, texts: null, weight: 1, height: 0 };
    const known = this.#built.get(node);
    if (known) return known;
    if (this.#underWay.has(node)) throw new Refused(node, "this contains an alias of itself");
    this.#underWay.add(node);
    const built = isMap(node) ? this.#map(node.items) : this.#list(node);
    this.#underWay.delete(node);
    this.#built.set(node, built);
    return built;
  }

  #target(alias: Alias): Node {
    return this.#targets.get(alias)!;
  }

  #expand(node: unknown, built: BuiltValue): BuiltValue {
    this.#expanded += built.weight;
    if (this.#expanded > MAX_EXPANDED) {
      throw new Refused(node, `aliases stand for more than ${MAX_EXPANDED} values`);
    }
    return built;
  }

  #list({ items }: YAMLSeq): BuiltValue {
    const entries = new Map<number, Entry>();
    items.forEach((item, i) => {
      // `[a: 1]` is a list of one map.
      const node = isPair(item) ? item.value : item;
      const built = isPair(item) ? this.#map([item]) : this.build(item);
      entries.set(i, { node, built });
    });
    const all = [...entries.values()];
    return {
      value: all.map(({ built }) => built.value),
      texts: all.map(({ built }) => built.texts),
      entries,
      ...sizeOf(all),
    };
  }

  #map(items: Pair[]): BuiltValue {
    const entries = new Map<string, Entry>();
    for (const { key, value } of items) {
      if (isMergeKey(key)) continue;
      const name = keyText(isAlias(key) ? this.#target(key) : key);
      if (name === undefined) throw new Refused(key, "a key must be a text");
      if (entries.has(name)) throw new Refused(key, "Map keys must be unique");
      entries.set(name, { key, node: value, built: this.build(value) });
    }
    // Keys written here win over merged ones, in any order. Of several merged maps the first wins.
    for (const { key, value } of items) {
      if (!isMergeKey(key)) continue;
      for (const merged of this.#readMerge(key, value)) {
        for (const [name, entry] of merged.entries as Map<string, Entry>) {
          if (!entries.has(name)) entries.set(name, entry);
        }
      }
    }
    const all = [...entries];
    return {
      // BuiltValue from entries, so that `__proto__` stays an ordinary name.
      value: Object.fromEntries(all.map(([name, { built }]) => [name, built.value])),
      texts: Object.fromEntries(all.map(([name, { built }]) => [name, built.texts])),
      entries,
      ...sizeOf(entries.values()),
    };
  }

  /** The maps that a merge key includes. */
  #readMerge(key: unknown, value: unknown): BuiltValue[] {
    const node = isAlias(value) ? this.#target(value) : value;
    const sources: unknown[] = isSeq(node) ? node.items : [value];
    return sources.map((source) => {
      const map = isAlias(source) ? this.#target(source) : source;
      if (!isMap(map)) {
        const message = "<< takes a map, or a list of maps";
        throw new Refused(key, message, "write <<: *name, or <<: [*one, *two], where &name marks a map");
      }
      return this.#expand(source, this.build(map));
    });
  }
}

function sizeOf(entries: Iterable<Entry>): { weight: number; height: number } {
  let [weight, height] = [1, 0];
  for (const { built } of entries) {
    weight += built.weight;
    height = Math.max(height, built.height + 1);
  }
  return { weight, height };
}

function scalar({ value, source }: Scalar): BuiltValue {
  const size = { weight: 1 + Math.floor((source?.length ?? 0) / VALUE_LENGTH), height: 0 };
  if (typeof value === "number" || typeof value === "boolean") {
    return { value, texts: source ?? String(value), ...size };
  }
  // A date of YAML 1.1; no field takes dates.
  if (typeof value === "object" && value !== null) return { value: source, texts: source, ...size };
  return { value, texts: value, ...size };
}

/** Converts a document without syntax errors. */
export function readYamlTree(document: Document, lines: LineCounter): YamlTree {
  const root = document.contents;
  const placeOf = (node: unknown): Place | undefined => {
    const range = (node as Node | null | undefined)?.range;
    if (!range) return undefined;
    const { line, col } = lines.linePos(range[0]);
    return { line, column: col };
  };
  const survey = new Survey(root);
  const problem = (
    { node, message, hint }: { node: unknown; message: string; hint?: string | undefined },
  ) => ({
    message,
    ...(hint !== undefined && { hint }),
    ...placeOf(node) ?? placeOf(root),
  });
  const makeRefusedTree = (problems: YamlProblem[]): YamlTree => ({
    value: null,
    texts: null,
    problems,
    locate: () => placeOf(root),
  });
  if (survey.problems.length > 0) return makeRefusedTree(survey.problems.map(problem));
  let built: BuiltValue;
  try {
    built = new Builder(survey).build(root);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return makeRefusedTree([problem(error)]);
  }
  if (built.height > MAX_DEPTH) {
    return makeRefusedTree([problem({ node: root, message: `nested deeper than ${MAX_DEPTH} levels` })]);
  }
  return {
    value: built.value,
    texts: built.texts,
    problems: [],
    locate(path, { key = false } = {}) {
      let at: BuiltValue | undefined = built;
      let best = placeOf(root);
      for (const [i, part] of path.entries()) {
        const entry: Entry | undefined = at?.entries?.get(part) ?? at?.entries?.get(String(part));
        if (!entry) return best;
        const byKey = entry.key !== undefined &&
          ((key && i === path.length - 1) || !isScalar(entry.node) || entry.node.value === null);
        best = placeOf(byKey ? entry.key : entry.node) ?? best;
        at = entry.built;
      }
      return best;
    },
  };
}
