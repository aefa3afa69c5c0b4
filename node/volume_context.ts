/**
 * Converts a caller's volume description to a driver's context, with the values of secrets.
 * @module
 */
import type { AccountContext, VolumeContext } from "../drivers/driver.ts";
import { toRuneError } from "../model/error.ts";
import { NotCalled } from "../model/not_called.ts";
import type { SecretReader } from "../store/secrets/vault.ts";
import { resolveParameters } from "./secret_refs.ts";
import type { AccountCall, VolumeCall } from "./volume_call.ts";

/**
 * Resolves the context for the driver.
 *
 * @throws {NotCalled} `not_found` naming the secret or key that is missing.
 */
export async function resolveContext(
  call: VolumeCall,
  { node, installation, secrets }: { node: string; installation: string; secrets: SecretReader },
): Promise<VolumeContext> {
  const { namespace } = call.volume;
  const parameters = await resolveParameters(call.parameters, { namespace, secrets }).catch((error) => {
    throw new NotCalled(toRuneError(error));
  });
  return { ...call, node, installation, parameters };
}

/**
 * Resolves the context of a call that is about no volume.
 *
 * @throws {RuneError} `not_found` naming the secret or key that is missing.
 */
export async function resolveAccount(
  { namespace, parameters, signal }: AccountCall,
  secrets: SecretReader,
): Promise<AccountContext> {
  return { parameters: await resolveParameters(parameters, { namespace, secrets }), signal };
}
