/**
 * Masks secrets that stand in storage parameters themselves, such as a token in place of a reference to a
 * secret. Nobody is shown them, not even who wrote them.
 * @module
 */
import { isLiteralSecret, SECRET_PARAMETERS } from "../../drivers/secret_parameters.ts";
import { fieldChanges } from "../../model/changes.ts";
import type { StorageParameters } from "../../model/storage_parameters.ts";

/** Stands for a value that is not shown. */
export const MASK = "(hidden)";
/** Stands for a value that is not shown and differs from the one before. */
export const CHANGED = "(changed)";

/** The fields that hold storage parameters, wherever they are in a resource. */
const HOLDERS: ReadonlySet<string> = new Set(["parameters", "driverParameters"]);

type Fields = Record<string, unknown>;
const isHolder = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const fieldOf = (value: unknown, key: string): unknown =>
  isHolder(value) && Object.hasOwn(value, key) ? value[key] : undefined;

/**
 * The same JSON value with each secret replaced by {@linkcode MASK}. Without secrets it is the same object.
 *
 * @param options.before an earlier value: what differs from it becomes {@linkcode CHANGED}.
 */
export function maskSecrets<T>(value: T, { before }: { before?: unknown } = {}): T {
  return mask(value, { before, inParameters: false }) as T;
}

function mask(value: unknown, { before, inParameters }: { before: unknown; inParameters: boolean }): unknown {
  if (!isHolder(value)) return value;
  let masked: Fields | undefined;
  for (const key of Object.keys(value)) {
    const field = value[key];
    const earlier = fieldOf(before, key);
    const shown = inParameters && isLiteralSecret(key, field)
      ? earlier === undefined || earlier === field ? MASK : CHANGED
      : mask(field, { before: earlier, inParameters: HOLDERS.has(key) });
    if (shown === field) continue;
    masked ??= Array.isArray(value) ? [...value] as unknown as Fields : { ...value };
    masked[key] = shown;
  }
  return masked ?? value;
}

/** The paths of the secrets in a spec: `parameters.apiToken`. */
export function findSecrets(spec: unknown): string[] {
  const masked = maskSecrets(spec);
  return masked === spec ? [] : fieldChanges(masked, spec).map(({ path }) => path);
}

/** Whether parameters hold the mask in place of a secret, as what was read from the API does. */
export function isMasked(parameters: StorageParameters): boolean {
  return Object.entries(parameters).some(([key, value]) => value === MASK && SECRET_PARAMETERS.has(key));
}
