/**
 * Volumes that name existing data of their provider by its handle. Nobody takes data that way without the
 * right to the secret with which the driver reaches it, and no two volumes take the same.
 * @module
 */
import { claimedVolumeName } from "../../model/claim_names.ts";
import type { Declared } from "../../model/declared.ts";
import type { FieldIssue } from "../../model/error.ts";
import { parseParameterRef } from "../../model/secret.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { writeNamedData } from "../../model/named_data.ts";
import type { Service } from "../../model/service.ts";
import { mapParameters, type StorageParameters } from "../../model/storage_parameters.ts";
import type { Volume } from "../../model/volume.ts";
import type { Permission } from "../auth/authority.ts";
import type { ParameterRight } from "../auth/write_permits.ts";
import { describeReach, findNamedData } from "../../drivers/named_data.ts";
import { isLiteralSecret, makeAccountKey, SECRET_PARAMETERS } from "../../drivers/secret_parameters.ts";
import { nameTo } from "../auth/visibility.ts";
import type { PlacedVolume } from "./directories.ts";
import { findClassOf } from "./normal_form.ts";
import type { JudgingDriver, World } from "./world.ts";

const findHandle = (driver: JudgingDriver | undefined, parameters: StorageParameters) =>
  findNamedData(driver?.capabilities, parameters);

const HINT = "the existing data is reached with that secret, so it takes the right to read it; " +
  "leave the parameter out to get a new volume";

/**
 * The rights that a declaration takes because it names existing data: to read each secret of the class and of
 * the volume with which the driver reaches it. A secret may open everything that an account holds. A secret
 * that the volume itself holds is known to its author; one that the class holds is not.
 */
export function listHandleRights(declared: Declared, world: World): ParameterRight[] {
  if (declared.kind === "storageClass") return [];
  const rights: Permission[] = [];
  mapParameters<unknown>(declared.kind, declared.spec, (own, place) => {
    const { driver, parameters: inherited = {} } = findClassOf(declared, place, world);
    if (!findHandle(driver, own)) return own;
    const all = { ...inherited, ...own };
    for (const key of SECRET_PARAMETERS) {
      if (!Object.hasOwn(all, key)) continue;
      const ref = parseParameterRef(all[key]!, declared.namespace);
      if (ref) rights.push({ resource: "secrets", verb: "get", namespace: ref.namespace });
      else if (isLiteralSecret(key, all[key]) && !Object.hasOwn(own, key)) {
        rights.push({ resource: "storageclasses", verb: "update", namespace: "" });
      }
    }
    return own;
  });
  return rights.map((permission) => ({ permission, hint: HINT }));
}

/**
 * The record of what a declaration names and what was judged for it: the value of `ANNOTATIONS.namedData`.
 */
export function recordNamedData(declared: Declared, world: World): string | undefined {
  if (declared.kind === "storageClass") return undefined;
  let ofVolume: string | undefined;
  const byMount: Record<string, string> = {};
  mapParameters<unknown>(declared.kind, declared.spec, (own, place) => {
    const { driver, parameters: inherited } = findClassOf(declared, place, world);
    const handle = findHandle(driver, own)?.handle;
    if (handle === undefined) return own;
    const reach = describeReach({ namespace: declared.namespace, handle, own, inherited });
    if (place.mount === undefined) ofVolume = reach;
    else byMount[place.mount] = reach;
    return own;
  });
  return ofVolume ?? (Object.keys(byMount).length > 0 ? writeNamedData(byMount) : undefined);
}

/** The annotations with that record in place of an earlier one. */
export function noteNamedData(
  annotations: Record<string, string>,
  namedData: string | undefined,
): Record<string, string> {
  const { [ANNOTATIONS.namedData]: _, ...rest } = annotations;
  return { ...rest, ...(namedData !== undefined && { [ANNOTATIONS.namedData]: namedData }) };
}

/** Says which account a volume is in, or will be. */
function findAccount({ namespace, spec }: PlacedVolume, { state }: World): string {
  const inherited = state.get("storageClass", "", spec.storageClassName ?? "")?.spec.parameters;
  return makeAccountKey({ ...inherited, ...spec.parameters }, namespace);
}

/**
 * The handle that a stored volume has, or will have in an account. What a volume names in another account it
 * may never get: with any token at all, it would keep the data from everybody else.
 */
function handleOf(volume: Volume, { account, world }: { account: string; world: World }): string | undefined {
  const { spec, status } = volume;
  if (status.handle !== undefined) return status.handle;
  if (findAccount(volume, world) !== account) return undefined;
  const { state, drivers } = world;
  const name = status.driver ?? state.get("storageClass", "", spec.storageClassName ?? "")?.spec.driver;
  return findHandle(drivers.get(name ?? ""), spec.parameters)?.handle;
}

/** Checks the existing data that a new volume names. */
export function checkHandle(volume: PlacedVolume, driver: JudgingDriver, world: World): FieldIssue[] {
  const named = findHandle(driver, volume.spec.parameters);
  if (!named) return [];
  const { parameter, handle } = named;
  const path = ["parameters", parameter];
  if (volume.spec.source) {
    return [{
      path,
      message: `expected ${parameter} or source, found both: each says what data the volume starts with`,
      hint: "leave out one of them",
    }];
  }
  const account = findAccount(volume, world);
  for (const other of world.state.list("volume")) {
    if (other.namespace === volume.namespace && other.name === volume.name) continue;
    if (other.status.driver !== undefined && other.status.driver !== driver.name) continue;
    if (handleOf(other, { account, world }) !== handle) continue;
    return [{
      path,
      message: `${handle} is the data of ${nameTo(world.viewer, "volume", other)}`,
      hint: "claim that volume instead",
    }];
  }
  const owner = findTemplateOf(volume, { parameter, handle, account, driver, world });
  return owner === undefined ? [] : [{
    path,
    message: `${handle} is named by a claim template of ${nameTo(world.viewer, "service", owner)}`,
    hint: "claim the volume of that service instead, or remove it from the template first",
  }];
}

/** The service with a claim template that names the same data, at any scale: its volume may come later. */
function findTemplateOf(
  volume: PlacedVolume,
  { parameter, handle, account, driver, world }: {
    parameter: string;
    handle: string;
    account: string;
    driver: JudgingDriver;
    world: World;
  },
): Service | undefined {
  const { state } = world;
  return state.list("service").find(({ namespace, name: service, spec }) =>
    spec.volumes.some(({ name: mount, claimTemplate: template }) => {
      if (template?.parameters[parameter] !== handle) return false;
      const name = claimedVolumeName({ mount, service, ordinal: 0 });
      if (namespace === volume.namespace && name === volume.name) return false;
      const { storageClassName } = template;
      const itsDriver = state.get("storageClass", "", storageClassName ?? "")?.spec.driver;
      if (itsDriver !== undefined && itsDriver !== driver.name) return false;
      return findAccount({ namespace, name, spec: { ...template, storageClassName } }, world) === account;
    })
  );
}

/** Refuses a class that names the data of one volume. */
export function checkClassHandle(parameters: StorageParameters, driver: JudgingDriver): FieldIssue[] {
  const named = findHandle(driver, parameters);
  if (!named) return [];
  return [{
    path: ["parameters", named.parameter],
    message: "all volumes of the class would be the same data",
    hint: `write ${named.parameter} in the volume`,
  }];
}

/**
 * Refuses a template whose ordinals would all be the same data, or whose data another template of the service
 * names.
 *
 * @param options.others the parameters of the other templates.
 */
export function checkTemplateHandle(
  parameters: StorageParameters,
  { scale, driver, others }: {
    scale: number;
    driver: JudgingDriver | undefined;
    others: StorageParameters[];
  },
): FieldIssue[] {
  const named = findHandle(driver, parameters);
  if (!named) return [];
  if (others.some((other) => other[named.parameter] === named.handle)) {
    return [{
      path: ["parameters", named.parameter],
      message: `${named.handle} is named by two claim templates of this service`,
      hint: "mount one volume at both places",
    }];
  }
  if (scale < 2) return [];
  return [{
    path: ["parameters", named.parameter],
    message: `every instance would get the same data: expected scale 1, found ${scale}`,
    hint: "claim one volume",
  }];
}
