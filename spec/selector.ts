/** Label and field selectors: `app=web,tier!=cache`, `tier in (a,b)`, `status=Bound`. @module */
import { RuneError } from "./error.ts";

/** One requirement of a label selector. */
export interface Requirement {
  key: string;
  operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  values: string[];
}

const TERM = /^([A-Za-z0-9._/-]+)\s*(?:(==|=|!=)\s*([^\s=!,()]*)|\s+(in|notin)\s*\(([^()]*)\))?$/;

/** Splits at commas that are not inside parentheses. */
function splitTerms(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((t) => t.trim()).filter((t) => t !== "");
}

/**
 * Reads a label selector: `key=value`, `key!=value`, `key in (a,b)`, `key notin (a)`, `key`, `!key`, joined by commas.
 *
 * @throws {RuneError} `invalid_argument` for a term of another form.
 */
export function parseLabelSelector(text: string): Requirement[] {
  return splitTerms(text).map((term) => {
    if (/^![A-Za-z0-9._/-]+$/.test(term)) {
      return { key: term.slice(1), operator: "DoesNotExist", values: [] };
    }
    const match = TERM.exec(term);
    if (!match) {
      throw new RuneError("invalid_argument", `"${term}" is not a label selector`, {
        hint: "write key=value, key!=value, key in (a,b), key notin (a,b), key or !key",
      });
    }
    const [, key, equals, value, set, list] = match;
    if (equals) return { key: key!, operator: equals === "!=" ? "NotIn" : "In", values: [value!] };
    if (set) {
      const values = list!.split(",").map((v) => v.trim());
      return { key: key!, operator: set === "in" ? "In" : "NotIn", values };
    }
    return { key: key!, operator: "Exists", values: [] };
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

/** Short names of fields, as tables show them. */
const FIELD_ALIASES: Record<string, string> = { status: "status.state", state: "status.state" };

/**
 * Reads a field selector: `status=Bound,spec.service!=web`. `name`, `namespace` and `status` stand for themselves.
 *
 * @throws {RuneError} `invalid_argument` for a term of another form.
 */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return splitTerms(text).map((term) => {
    const match = /^([A-Za-z][A-Za-z0-9.]*)\s*(==|=|!=)\s*(.*)$/.exec(term);
    if (!match) {
      throw new RuneError("invalid_argument", `"${term}" is not a field selector`, {
        hint: "write field=value or field!=value, for example status=Bound",
      });
    }
    const [, field, operator, value] = match;
    return { path: (FIELD_ALIASES[field!] ?? field!).split("."), equal: operator !== "!=", value: value! };
  });
}

/** Whether a resource satisfies every requirement; a missing field equals the empty string. */
export function matchesFields(resource: object, requirements: FieldRequirement[]): boolean {
  return requirements.every(({ path, equal, value }) => {
    let found: unknown = resource;
    for (const part of path) {
      found = typeof found === "object" && found !== null && Object.hasOwn(found, part)
        ? (found as Record<string, unknown>)[part]
        : undefined;
    }
    const text = found === undefined || found === null ? "" : String(found);
    return (text === value) === equal;
  });
}
