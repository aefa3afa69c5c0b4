/**
 * Existing data of a provider that storage parameters name by its handle. Whoever names it needs the right to
 * each secret that reaches it. So a volume records what that right was judged for. If the class has another
 * secret later, nobody has judged it. Pure.
 * @module
 */
import { parseParameterRef } from "../model/secret.ts";
import type { DriverCapabilities } from "./driver.ts";
import { SECRET_PARAMETERS } from "./secret_parameters.ts";

type Parameters = Readonly<Record<string, string>>;

/** The data that parameters name, and the parameter that names it. */
export interface NamedData {
  parameter: string;
  handle: string;
}

/** Finds the data that parameters name. */
export function findNamedData(
  capabilities: Pick<DriverCapabilities, "handleParameter"> | undefined,
  parameters: Parameters,
): NamedData | undefined {
  const parameter = capabilities?.handleParameter;
  if (parameter === undefined || !Object.hasOwn(parameters, parameter)) return undefined;
  return { parameter, handle: parameters[parameter]! };
}

/**
 * Says in one text which data is named and which secrets reach it, never a secret itself. Equal texts take
 * equal rights.
 *
 * @param options.own the parameters of the volume or the template.
 * @param options.inherited those of its class.
 */
export function describeReach(
  { namespace, handle, own, inherited = {} }: {
    namespace: string;
    handle: string;
    own: Parameters;
    inherited: Parameters | undefined;
  },
): string {
  const all = { ...inherited, ...own };
  const secrets = [...SECRET_PARAMETERS].filter((key) => Object.hasOwn(all, key)).map((key) => {
    const ref = parseParameterRef(all[key]!, namespace);
    if (ref) return `${key}=${ref.namespace}/${ref.name}/${ref.key}`;
    return `${key} of the ${Object.hasOwn(own, key) ? "volume" : "class"}`;
  });
  return [handle, ...secrets].join(", ");
}
