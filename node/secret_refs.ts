/**
 * Replaces references by the values of secrets at the moment of use. The result is never stored.
 * @module
 */
import { RuneError } from "../model/error.ts";
import { LIMITS, MAX_ENVIRONMENT } from "../model/limits.ts";
import { describeKey } from "../model/resource.ts";
import type { PlainParameters } from "../drivers/driver.ts";
import { envRefs, parseParameterRef, replaceEnvRefs, type SecretKeyRef } from "../model/secret.ts";
import type { SecretReader } from "../store/secrets/vault.ts";

/** One value. @throws {RuneError} `not_found` naming exactly what is missing, and who refers to it. */
async function valueOf(secrets: SecretReader, ref: SecretKeyRef, referrer: string): Promise<string> {
  let data: Record<string, string>;
  try {
    data = await secrets.readSecret(ref.namespace, ref.name);
  } catch (error) {
    if (!(error instanceof RuneError)) throw error;
    throw new RuneError(error.code, `${referrer}: ${error.message}`, { hint: error.hint, cause: error });
  }
  const value = Object.hasOwn(data, ref.key) ? data[ref.key] : undefined;
  if (value !== undefined) return value;
  throw new RuneError("not_found", `${referrer}: secret ${describeKey(ref)} has no key "${ref.key}"`, {
    hint: `its keys: ${Object.keys(data).sort().slice(0, 8).join(", ") || "none"}`,
  });
}

/**
 * Resolves the references in storage parameters. Use the result only for a driver's call.
 *
 * @param namespace of the volume.
 * @throws {RuneError} `not_found`.
 */
export async function resolveParameters(
  parameters: Readonly<Record<string, string>>,
  { namespace, secrets }: { namespace: string; secrets: SecretReader },
): Promise<PlainParameters> {
  const resolved: Record<string, string> = {};
  for (const [key, value] of Object.entries(parameters)) {
    const ref = parseParameterRef(value, namespace);
    resolved[key] = ref ? await valueOf(secrets, ref, `parameter ${key}`) : value;
  }
  return resolved as PlainParameters;
}

const tooLong = (name: string) =>
  new RuneError("failed_precondition", `env ${name}: with its secrets it is longer than Linux passes on`, {
    hint:
      `a variable has at most ${LIMITS.argument} characters, all of them ${MAX_ENVIRONMENT}; mount the secret as a file`,
    permanent: false,
  });

/**
 * Resolves the variables that contain `{{ secret:name/key }}`, and omits the others.
 *
 * @param namespace of the service.
 * @throws {RuneError} `not_found`.
 */
export async function resolveSecretEnv(
  env: Record<string, string>,
  { namespace, secrets }: { namespace: string; secrets: SecretReader },
): Promise<Record<string, string>> {
  const resolved: Record<string, string> = {};
  let total = 0;
  for (const [name, text] of Object.entries(env)) {
    const refs = envRefs(text, namespace).filter((ref) => ref !== null);
    if (refs.length === 0) continue;
    const values = new Map<string, string>();
    const idOf = (ref: SecretKeyRef) => `${describeKey(ref)}/${ref.key}`;
    for (const ref of refs) {
      if (!values.has(idOf(ref))) values.set(idOf(ref), await valueOf(secrets, ref, `env ${name}`));
    }
    // Counted before it is made: a short text can name a long value thousands of times.
    const length = refs.reduce((sum, ref) => sum + values.get(idOf(ref))!.length, text.length);
    if (length > LIMITS.argument || (total += length) > MAX_ENVIRONMENT) throw tooLong(name);
    resolved[name] = replaceEnvRefs(text, namespace, (ref) => values.get(idOf(ref))!);
  }
  return resolved;
}
