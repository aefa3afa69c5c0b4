/**
 * Turns what a caller says about a volume into what a driver is told, with the values of secrets in it.
 * @module
 */
import type { VolumeContext } from "../drivers/driver.ts";
import type { SecretReader } from "../store/secrets/vault.ts";
import { resolveParameters } from "./secret_refs.ts";
import type { VolumeCall } from "./volume_call.ts";

/**
 * What the driver is given.
 *
 * @param options.node the name of this node.
 * @throws {RuneError} `not_found` naming the secret or key that is missing.
 */
export async function resolveContext(
  call: VolumeCall,
  { node, secrets }: { node: string; secrets: SecretReader },
): Promise<VolumeContext> {
  const { namespace } = call.volume;
  return { ...call, node, parameters: await resolveParameters(call.parameters, { namespace, secrets }) };
}
