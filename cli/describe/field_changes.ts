/** Prints what a cast changes, field by field. @module */
import type { CastResult } from "../../model/api.ts";
import type { FieldChange } from "../../model/changes.ts";
import type { Paint } from "../terminal/paint.ts";

/** `service default/web`, or `storageClass fast`. */
export function titleOf(key: { kind: string; namespace: string; name: string }): string {
  return `${key.kind} ${key.namespace === "" ? key.name : `${key.namespace}/${key.name}`}`;
}

const show = (value: unknown) =>
  typeof value === "string" && /^[\x21-\x7e]+$/.test(value) ? value : JSON.stringify(value);

/** Flattens a value to `path: value` lines, so that a new resource reads like its castfile. */
function leaves(path: string, value: unknown): { path: string; value: unknown }[] {
  if (typeof value === "object" && value !== null) {
    const entries = Array.isArray(value)
      ? value.map((item, i): [string, unknown] => [`${path}[${i}]`, item])
      : Object.entries(value).map(([key, item]): [string, unknown] => [
        path === "" ? key : `${path}.${key}`,
        item,
      ]);
    return entries.flatMap(([at, item]) => leaves(at, item));
  }
  return value === undefined ? [] : [{ path, value }];
}

/** The body of a secret without its values. */
function hideValues({ data, ...rest }: Record<string, unknown>): Record<string, unknown> {
  const keys = Array.isArray(data) ? data.map(({ key }) => String(key)) : Object.keys(data ?? {});
  return { ...rest, data: Object.fromEntries(keys.map((key) => [key, "(hidden)"])) };
}

/**
 * The lines that show one result; none for an unchanged resource.
 *
 * @param options.body the declared body, for a resource that does not exist yet.
 */
export function changeLines(
  result: CastResult,
  options: { paint: Paint; body?: Record<string, unknown> },
): string[] {
  if (result.action === "unchanged") return [];
  const { paint, body = {} } = options;
  const lines = [`${titleOf(result)} would be ${result.action}`];
  const { name: _name, namespace: _namespace, ...written } = body;
  const declared = result.kind === "secret" ? hideValues(written) : written;
  const changes: FieldChange[] = result.action === "created" ? [{ path: "", to: declared }] : result.changes;
  for (const { path, from, to } of changes) {
    if (from !== undefined && to !== undefined && typeof from !== "object" && typeof to !== "object") {
      lines.push(paint("yellow", `  ~ ${path}: ${show(from)} → ${show(to)}`));
      continue;
    }
    for (const leaf of leaves(path, from)) lines.push(paint("red", `  - ${leaf.path}: ${show(leaf.value)}`));
    for (const leaf of leaves(path, to)) lines.push(paint("green", `  + ${leaf.path}: ${show(leaf.value)}`));
  }
  return lines;
}
