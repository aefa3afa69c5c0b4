/**
 * Brings the storage parameters of a declaration into the normal form of their driver. This happens before
 * the rights for its references are checked, so each way to write a reference needs the same right.
 * @module
 */
import type { Declared } from "../../model/declared.ts";
import { type FieldIssue, RuneError } from "../../model/error.ts";
import { mapParameters, type ParametersPlace } from "../../model/storage_parameters.ts";
import { defaultClass, type JudgingDriver, prefixIssues, type World } from "./world.ts";

/** The declaration in normal form. With issues, it is refused. */
export function normalizeDeclared(
  declared: Declared,
  world: Pick<World, "state" | "drivers" | "defaultStorageClass">,
): { declared: Declared; issues: FieldIssue[] } {
  const issues: FieldIssue[] = [];
  const spec = mapParameters<unknown>(declared.kind, declared.spec, (parameters, place) => {
    try {
      return findDriver(declared, place, world)?.normalizeParameters?.(parameters) ?? parameters;
    } catch (error) {
      if (!(error instanceof RuneError)) throw error;
      issues.push(...prefixIssues(
        place.path,
        error.issues ?? [{ path: [], message: error.message, hint: error.hint }],
      ));
      return parameters;
    }
  });
  return { declared: spec === declared.spec ? declared : { ...declared, spec } as Declared, issues };
}

/** The driver of the parameters at a place: of the class that they belong to. */
function findDriver(
  declared: Declared,
  { storageClassName, mount }: ParametersPlace,
  world: Pick<World, "state" | "drivers" | "defaultStorageClass">,
): JudgingDriver | undefined {
  const { state, drivers } = world;
  const { kind, namespace, name } = declared;
  if (kind === "storageClass") return drivers.get(declared.spec.driver);
  // The first write pins the class.
  const volume = kind === "volume" ? state.get("volume", namespace, name) : undefined;
  const template = mount === undefined
    ? undefined
    : state.get("service", namespace, name)?.spec.volumes.find((other) => other.name === mount)
      ?.claimTemplate;
  const className = storageClassName ?? volume?.spec.storageClassName ?? template?.storageClassName ??
    defaultClass(world);
  const driver = state.get("storageClass", "", className ?? "")?.spec.driver ?? volume?.status.driver;
  return drivers.get(driver ?? "");
}
