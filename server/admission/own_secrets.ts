/**
 * Secrets that volumes and claim templates hold in place of those of their class. Such a secret chooses the
 * account of a provider, so it takes the right to change classes. A class without one, or with a reference
 * relative to the namespace, leaves the choice to each namespace.
 * @module
 */
import { SECRET_PARAMETERS } from "../../drivers/secret_parameters.ts";
import { sameValue } from "../../model/changes.ts";
import type { Declared } from "../../model/declared.ts";
import type { FieldIssue } from "../../model/error.ts";
import { parseParameterRef } from "../../model/secret.ts";
import { mapParameters, type StorageParameters } from "../../model/storage_parameters.ts";
import type { VolumeSpec } from "../../model/volume.ts";
import type { ParameterRight } from "../auth/write_permits.ts";
import { findClassOf, findStored } from "./normal_form.ts";
import type { World } from "./world.ts";

const valueOf = (parameters: StorageParameters | undefined, key: string): string | undefined =>
  parameters && Object.hasOwn(parameters, key) ? parameters[key] : undefined;

/** The rights that a declaration takes because it does not use the secrets of its class. */
export function listOwnSecretRights(declared: Declared, world: World): ParameterRight[] {
  if (declared.kind === "storageClass") return [];
  const rights: ParameterRight[] = [];
  mapParameters<unknown>(declared.kind, declared.spec, (own, place) => {
    const { className, parameters: inherited } = findClassOf(declared, place, world);
    const stored = findStored(declared, place, world);
    for (const key of SECRET_PARAMETERS) {
      const [is, ofClass] = [valueOf(own, key), valueOf(inherited, key)];
      if (is === undefined || ofClass === undefined) continue;
      const was = stored?.storageClassName === className ? valueOf(stored?.parameters, key) : undefined;
      if (is === was || isSameReference([is, ofClass], declared.namespace)) continue;
      rights.push({
        permission: { resource: "storageclasses", verb: "update", namespace: "" },
        hint: `storage class ${className} says which ${key} its volumes use: leave out ${key}, ` +
          "or let somebody who may change storage classes cast this",
      });
    }
    return own;
  });
  return rights;
}

function isSameReference(texts: string[], namespace: string): boolean {
  const [one, other] = texts.map((text) => parseParameterRef(text, namespace));
  return !!one && !!other && sameValue(one, other);
}

/**
 * Refuses another secret for a volume whose class or driver is missing: the rights that it takes depend on
 * them.
 */
export function checkSecretsWithoutClass(before: VolumeSpec, after: VolumeSpec): FieldIssue[] {
  return [...SECRET_PARAMETERS].filter((key) =>
    valueOf(before.parameters, key) !== valueOf(after.parameters, key)
  ).map((key) => ({
    path: ["parameters", key],
    message: `cannot change while this daemon lacks storage class ${after.storageClassName} or its driver`,
    hint: "cast the class first",
  }));
}
