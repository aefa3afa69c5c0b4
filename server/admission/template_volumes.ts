/**
 * Volumes that a service's claim templates have made already. They follow a template's secrets and what it
 * may name, which both say how data is reached. Their data does not change.
 * @module
 */
import { listSecretParameters, SECRET_PARAMETERS } from "../../drivers/secret_parameters.ts";
import { sameValue } from "../../model/changes.ts";
import { claimedOrdinal } from "../../model/claim_names.ts";
import { readNamedData } from "../../model/named_data.ts";
import type { Service, ServiceSpec } from "../../model/service.ts";
import type { StorageParameters } from "../../model/storage_parameters.ts";
import type { Volume } from "../../model/volume.ts";
import type { Reader, Tx } from "../../store/store.ts";
import { markAuthorized } from "../auth/write_permits.ts";
import { noteNamedData } from "./handles.ts";

/** The volumes that the template of a mount has made. */
export function listTemplateVolumes(
  { namespace, name: service }: { namespace: string; name: string },
  { mount, state }: { mount: string; state: Reader },
): Volume[] {
  return state.list("volume", namespace).filter(({ name, status }) =>
    status.ownerService === service && claimedOrdinal(name, { mount, service }) !== undefined
  );
}

const secretsOf = (parameters: StorageParameters) =>
  Object.fromEntries(listSecretParameters(parameters).map((key) => [key, parameters[key]!]));
const othersOf = (parameters: StorageParameters) =>
  Object.fromEntries(Object.entries(parameters).filter(([key]) => !SECRET_PARAMETERS.has(key)));

/** Passes a cast of a service on to its volumes. */
export function updateTemplateVolumes(tx: Tx, service: Service, before: ServiceSpec): void {
  for (const { name: mount, claimTemplate: template } of service.spec.volumes) {
    const earlier = before.volumes.find(({ name }) => name === mount)?.claimTemplate;
    if (!template || !earlier) continue;
    const secrets = secretsOf(template.parameters);
    const isNew = !sameValue(secrets, secretsOf(earlier.parameters));
    const named = readNamedData(service, mount);
    for (const volume of listTemplateVolumes(service, { mount, state: tx })) {
      markAuthorized(tx, volume);
      tx.update(volume, {
        annotations: noteNamedData(volume.annotations, named),
        ...(isNew && {
          spec: { ...volume.spec, parameters: { ...othersOf(volume.spec.parameters), ...secrets } },
        }),
      });
    }
  }
}
