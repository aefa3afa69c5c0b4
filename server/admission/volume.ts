/** Rules of volumes, including those of claim templates, that depend on classes and drivers. @module */
import { checkVolumeChange } from "../../model/checks.ts";
import type { DeclaredSpec } from "../../model/declared.ts";
import { keepEqualSize } from "../../model/equal_quantities.ts";
import { type FieldIssue, RuneError } from "../../model/error.ts";
import { parseBytes } from "../../model/quantity.ts";
import type { StorageClass } from "../../model/storage_class.ts";
import { didYouMean } from "../../model/suggest.ts";
import type { Volume, VolumeSpec } from "../../model/volume.ts";
import { sameValue } from "../../model/changes.ts";
import { SECRET_PARAMETERS } from "../../drivers/secret_parameters.ts";
import { checkDirectory } from "./directories.ts";
import { checkHandle } from "./handles.ts";
import { checkSecretsWithoutClass } from "./own_secrets.ts";
import { checkWaitingProcesses } from "./process_mounts.ts";
import { checkSource, sourceOf } from "./restore.ts";
import { checkSnapshotPolicy } from "./snapshot_policy.ts";
import { parseParameterRef } from "../../model/secret.ts";
import { defaultClass, type JudgingDriver, prefixIssues, type Verdict, type World } from "./world.ts";

/**
 * Fills in the defaults of a volume and checks it. The first write pins the class and the policy, so a later
 * write may leave them out even if the default has changed.
 */
export function admitVolume(
  declared: { namespace: string; name: string; spec: DeclaredSpec<"volume"> },
  world: World,
): Verdict<VolumeSpec> {
  const { namespace, name } = declared;
  const before = world.state.get("volume", namespace, name);
  const storageClassName = declared.spec.storageClassName ?? before?.spec.storageClassName ??
    defaultClass(world);
  const { source: _, ...rest } = declared.spec;
  const declaredSpec = { ...rest, size: keepEqualSize(rest.size, before?.spec.size) };
  const source = sourceOf(declared, before);
  if (storageClassName === undefined) {
    return { spec: { ...declaredSpec, ...source }, issues: [noClass(world)] };
  }
  const spec: VolumeSpec = { ...declaredSpec, storageClassName, ...source };
  const policy = declared.spec.reclaimPolicy ?? before?.spec.reclaimPolicy ??
    world.state.get("storageClass", "", storageClassName)?.spec.reclaimPolicy;
  if (policy !== undefined) spec.reclaimPolicy = policy;
  const volume = { namespace, name, spec: { ...spec, storageClassName } };
  const issues = before
    ? checkChange(before, spec, world)
    : [...checkNewVolume(volume, world), ...checkWaitingProcesses(volume, world)];
  return { spec, issues };
}

function checkChange(before: Volume, spec: VolumeSpec, world: World): FieldIssue[] {
  // An accepted volume stays accepted, even if its class or driver is gone.
  if (sameValue(before.spec, spec)) return [];
  const issues = checkKeptFields(before.spec, spec);
  const cls = world.state.get("storageClass", "", spec.storageClassName ?? "");
  const driver = cls && world.drivers.get(cls.spec.driver);
  if (!driver) return [...issues, ...checkSecretsWithoutClass(before.spec, spec)];
  if (!sameValue(before.spec.parameters, spec.parameters)) {
    const { namespace, name } = before;
    issues.push(...checkParameters({ namespace, name, spec }, { cls, driver }));
  }
  issues.push(...checkGrowth(before.spec, spec, world), ...checkSnapshotPolicy(spec, driver));
  if (before.spec.reclaimPolicy !== spec.reclaimPolicy) issues.push(...checkReclaim(spec, driver));
  return issues;
}

/**
 * Refuses to change what an existing volume keeps. It keeps no secret, which says how to reach the data, and
 * not where it is.
 */
export const checkKeptFields = (before: VolumeSpec, after: VolumeSpec): FieldIssue[] =>
  checkVolumeChange(before, after).filter(({ path: [field, key] }) =>
    field !== "parameters" || !SECRET_PARAMETERS.has(String(key))
  );

/** Checks whether the driver can apply a change of size. */
export function checkGrowth(
  before: Pick<VolumeSpec, "size">,
  after: Pick<VolumeSpec, "size" | "storageClassName">,
  world: World,
): FieldIssue[] {
  if (parseBytes(after.size) <= parseBytes(before.size)) return [];
  const storageClass = world.state.get("storageClass", "", after.storageClassName ?? "");
  const driver = world.drivers.get(storageClass?.spec.driver ?? "");
  if (!driver) return [];
  if (driver.capabilities.expand) return checkSize(after, driver);
  return [{
    path: ["size"],
    message: `volumes of the driver ${driver.name} cannot grow: expected ${before.size}`,
    hint: "keep the size",
  }];
}

/** Checks whether the driver has volumes of that size. */
function checkSize({ size }: Pick<VolumeSpec, "size">, driver: JudgingDriver): FieldIssue[] {
  const { largestSize } = driver.capabilities;
  if (largestSize === undefined || parseBytes(size) <= parseBytes(largestSize)) return [];
  return [{
    path: ["size"],
    message:
      `expected at most ${largestSize}, found ${size}: the driver ${driver.name} has no larger volumes`,
  }];
}

/** Checks a new volume against its class and the driver of the class. */
export function checkNewVolume(
  { namespace, name, spec }: {
    namespace: string;
    name: string;
    spec: VolumeSpec & { storageClassName: string };
  },
  world: World,
): FieldIssue[] {
  const cls = world.state.get("storageClass", "", spec.storageClassName);
  if (!cls) return world.declaredClasses.has(spec.storageClassName) ? [] : [unknownClass(spec, world)];
  const driver = world.drivers.get(cls.spec.driver);
  if (!driver) {
    return [{
      path: ["storageClassName"],
      message:
        `storage class ${cls.name} uses the driver "${cls.spec.driver}", which this daemon does not have`,
      hint: `name a class with one of the drivers ${[...world.drivers.keys()].join(", ")}`,
    }];
  }
  const issues = [
    ...checkReclaim({ reclaimPolicy: spec.reclaimPolicy ?? cls.spec.reclaimPolicy }, driver),
    ...checkSnapshotPolicy(spec, driver),
    ...checkSize(spec, driver),
  ];
  const modes = driver.capabilities.accessModes;
  if (!modes.includes(spec.accessMode)) {
    issues.push({
      path: ["accessMode"],
      message: `the driver ${driver.name} does not support ${spec.accessMode}; it supports ${
        modes.join(", ")
      }`,
    });
  }
  issues.push(...checkSource({ spec, driver: driver.name }, world));
  const parameters = checkParameters({ namespace, name, spec }, { cls, driver });
  return [
    ...issues,
    ...parameters.length > 0 ? parameters : checkDirectory({ namespace, name, spec }, world),
    ...checkHandle({ namespace, name, spec }, driver, world),
  ];
}

function checkParameters(
  { namespace, name, spec }: { namespace: string; name: string; spec: VolumeSpec },
  { cls, driver }: { cls: StorageClass; driver: JudgingDriver },
): FieldIssue[] {
  const parameters = { ...cls.spec.parameters, ...spec.parameters };
  const secrets = checkSecretReferences(parameters, namespace);
  if (secrets.length > 0) return secrets;
  const sizeBytes = parseBytes(spec.size);
  try {
    driver.validate({ namespace, name, sizeBytes, accessMode: spec.accessMode, parameters });
    return [];
  } catch (error) {
    if (!(error instanceof RuneError)) throw error;
    return prefixIssues(
      ["parameters"],
      error.issues ?? [{ path: [], message: error.message, hint: error.hint }],
    );
  }
}

/**
 * Finds malformed references to secrets. The secret may be created later, so its existence is checked when
 * the driver is called.
 */
export function checkSecretReferences(parameters: Record<string, string>, namespace: string): FieldIssue[] {
  return Object.keys(parameters).filter((key) => parseParameterRef(parameters[key]!, namespace) === null)
    .map((key) => ({
      path: ["parameters", key],
      message: "expected a reference such as secret:<name>/<key> or secret:<name>.<namespace>.rune/<key>",
    }));
}

/** Checks whether the driver supports the reclaim policy. */
export function checkReclaim(spec: { reclaimPolicy?: string }, driver: JudgingDriver): FieldIssue[] {
  if (spec.reclaimPolicy !== "delete" || driver.capabilities.reclaimDelete) return [];
  return [{
    path: ["reclaimPolicy"],
    message: `the driver ${driver.name} never deletes data: expected retain, found delete`,
    hint: "write reclaimPolicy: retain",
  }];
}

const classNames = (world: World) => world.state.list("storageClass").map((c) => c.name);

function unknownClass(spec: { storageClassName: string }, world: World): FieldIssue {
  return {
    path: ["storageClassName"],
    message: `there is no storage class "${spec.storageClassName}"`,
    hint: didYouMean(spec.storageClassName, classNames(world)) ?? "see rune storageclass list",
  };
}

/** The issue of a volume that names no class when there is no default. */
export function noClass(world: World): FieldIssue {
  return {
    path: ["storageClassName"],
    message: "required: no storage class is the default",
    hint: `name one of ${classNames(world).join(", ")}, or run: rune storageclass set-default <name>`,
  };
}
