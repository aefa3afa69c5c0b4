/** Label and field selectors: `app=web,tier!=cache`, `tier in (a,b)`, `status=Bound`. @module */
import { RuneError } from "./error.ts";
import { LIMITS } from "./limits.ts";

/** One requirement of a label selector. */
export interface Requirement {
  key: string;
  operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  values: string[];
}

/** Every list and every watch parses its selector and applies each term to every resource. */
const MAX_TERMS = 64;
const KEY = /^[A-Za-z0-9._/-]+$/;
const VALUE = /^[^\s=!,()]*$/;

/** Splits at commas outside parentheses, in one pass. */
function splitTerms(text: string): string[] {
  if (text.length > LIMITS.selector) {
    throw new RuneError("invalid_argument", `a selector has at most ${LIMITS.selector} characters`, {
      hint: "select by fewer values, or by a label of their own",
    });
  }
  const terms: string[] = [];
  let start = 0;
  let inside = false;
  for (let at = 0; at <= text.length; at++) {
    if (text[at] === "(") inside = true;
    else if (text[at] === ")") inside = false;
    else if (at === text.length || (text[at] === "," && !inside)) {
      const term = text.slice(start, at).trim();
      if (term !== "") terms.push(term);
      start = at + 1;
    }
  }
  if (terms.length > MAX_TERMS) {
    throw new RuneError("invalid_argument", `a selector has at most ${MAX_TERMS} terms`, {
      hint: "select by fewer of them",
    });
  }
  return terms;
}

/** A term, shortened for messages. */
const shorten = (term: string) => term.length <= 80 ? term : `${term.slice(0, 80)}…`;

/** Splits a term at its first operator: `=`, `==` or `!=`. */
function cutAtOperator(term: string): { key: string; equal: boolean; value: string } | undefined {
  const at = term.search(/[=!]/);
  if (at < 0) return undefined;
  const operator = ["==", "!=", "="].find((o) => term.startsWith(o, at));
  if (operator === undefined) return undefined;
  return {
    key: term.slice(0, at).trimEnd(),
    equal: operator !== "!=",
    value: term.slice(at + operator.length).trimStart(),
  };
}

/** Parses `key in (a,b)` or `key notin (a,b)`. */
function readSet(term: string): Requirement | undefined {
  const open = term.indexOf("(");
  if (open < 0 || !term.endsWith(")")) return undefined;
  const [key, word, ...rest] = term.slice(0, open).trimEnd().split(/\s+/);
  const list = term.slice(open + 1, -1);
  if (rest.length > 0 || (word !== "in" && word !== "notin") || /[()]/.test(list)) return undefined;
  const values = list.split(",").map((value) => value.trim());
  return { key: key!, operator: word === "in" ? "In" : "NotIn", values };
}

function readTerm(term: string): Requirement | undefined {
  if (term.startsWith("!")) return { key: term.slice(1), operator: "DoesNotExist", values: [] };
  const cut = cutAtOperator(term);
  if (cut) {
    const { key, equal, value } = cut;
    return VALUE.test(value) ? { key, operator: equal ? "In" : "NotIn", values: [value] } : undefined;
  }
  return readSet(term) ?? { key: term, operator: "Exists", values: [] };
}

/**
 * Parses a label selector: `key=value`, `key!=value`, `key in (a,b)`, `key notin (a)`, `key`, `!key`, joined
 * by commas.
 *
 * @throws {RuneError} `invalid_argument` for any other term.
 */
export function parseLabelSelector(text: string): Requirement[] {
  return splitTerms(text).map((term) => {
    const requirement = readTerm(term);
    if (requirement && KEY.test(requirement.key)) return requirement;
    throw new RuneError("invalid_argument", `"${shorten(term)}" is not a label selector`, {
      hint: "write key=value, key!=value, key in (a,b), key notin (a,b), key or !key",
    });
  });
}

/** Whether labels satisfy every requirement. A missing key satisfies `NotIn`, as in Kubernetes. */
export function matchesLabels(labels: Record<string, string>, requirements: Requirement[]): boolean {
  return requirements.every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    switch (operator) {
      case "In":
        return value !== undefined && values.includes(value);
      case "NotIn":
        return value === undefined || !values.includes(value);
      case "Exists":
        return value !== undefined;
      case "DoesNotExist":
        return value === undefined;
    }
  });
}

/** One requirement of a field selector. */
export interface FieldRequirement {
  path: string[];
  equal: boolean;
  value: string;
}

/** Short names of fields, as in table headings. */
const FIELD_ALIASES = new Map([["status", "status.state"], ["state", "status.state"]]);
const FIELD = /^[A-Za-z][A-Za-z0-9._/-]*$/;

/**
 * Parses a field selector: `status=Bound,spec.service!=web`. `name`, `namespace` and `status` need no prefix.
 *
 * @throws {RuneError} `invalid_argument` for any other term.
 */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return splitTerms(text).map((term) => {
    const cut = cutAtOperator(term);
    if (!cut || !FIELD.test(cut.key)) {
      throw new RuneError("invalid_argument", `"${shorten(term)}" is not a field selector`, {
        hint: "write field=value or field!=value, for example status=Bound",
      });
    }
    const { key, equal, value } = cut;
    return { path: (FIELD_ALIASES.get(key) ?? key).split("."), equal, value };
  });
}

/**
 * Whether a resource satisfies every requirement. A missing field, and one that is a map or list, equals the
 * empty string.
 */
export function matchesFields(resource: object, requirements: FieldRequirement[]): boolean {
  return requirements.every(({ path, equal, value }) => {
    let found: unknown = resource;
    for (const part of path) {
      found = typeof found === "object" && found !== null && Object.hasOwn(found, part)
        ? (found as Record<string, unknown>)[part]
        : undefined;
    }
    const text = found === undefined || found === null || typeof found === "object" ? "" : String(found);
    return (text === value) === equal;
  });
}
