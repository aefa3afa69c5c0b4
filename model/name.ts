/** Names of resources (RFC 1123 labels) and references across namespaces. @module */
import { textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const RULE = "lower-case letters, digits and '-', starting and ending with a letter or digit, at most 63";

/** Whether `name` is a DNS-1123 label of at most 63 characters. */
export function isName(name: string): boolean {
  return name.length <= 63 && LABEL.test(name);
}

/** A DNS-1123 label. */
export const nameSchema = textUpTo(LIMITS.name).refine(isName, { error: `expected a name: ${RULE}` });

/** The target of a reference. */
export interface NameRef {
  namespace: string;
  name: string;
}

/**
 * Parses `name` (same namespace) or `name.namespace.rune`.
 *
 * @returns null if it is neither.
 */
export function parseNameRef(text: string, namespace: string): NameRef | null {
  if (isName(text)) return { namespace, name: text };
  if (text.length > LIMITS.reference) return null;
  const parts = text.split(".");
  const [name, ns, suffix] = parts;
  if (parts.length !== 3 || suffix !== "rune" || !isName(name!) || !isName(ns!)) return null;
  return { namespace: ns!, name: name! };
}

/** A reference: `name` or `name.namespace.rune`. */
export const nameRefSchema = textUpTo(LIMITS.name).refine((text) => parseNameRef(text, "default") !== null, {
  error: "expected a name, or name.namespace.rune for another namespace",
});
