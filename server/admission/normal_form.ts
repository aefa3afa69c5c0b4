/**
 * Brings the storage parameters of a declaration into the normal form of their driver, and puts the stored
 * values in place of masks. This happens before the rights for its references are checked, so each way to
 * write a reference needs the same right.
 * @module
 */
import type { Declared } from "../../model/declared.ts";
import { type FieldIssue, RuneError } from "../../model/error.ts";
import { sameValue } from "../../model/changes.ts";
import {
  mapParameters,
  type ParametersPlace,
  type StorageParameters,
} from "../../model/storage_parameters.ts";
import { isMasked, MASK, maskSecrets } from "../auth/secret_parameters.ts";
import { defaultClass, type JudgingDriver, prefixIssues, type World } from "./world.ts";

/** The declaration in normal form. With issues, it is refused. */
export function normalizeDeclared(
  declared: Declared,
  world: Pick<World, "state" | "drivers" | "defaultStorageClass">,
): { declared: Declared; issues: FieldIssue[] } {
  const issues: FieldIssue[] = [];
  const spec = mapParameters<unknown>(declared.kind, declared.spec, (parameters, place) => {
    try {
      const read = readMasked(parameters, findStored(declared, place, world)?.parameters);
      return findClassOf(declared, place, world).driver?.normalizeParameters?.(read) ?? read;
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

type State = Pick<World, "state">;

/** The claim template of the stored service, by its mount. */
const templateOf = ({ namespace, name }: Declared, mount: string, { state }: State) =>
  state.get("service", namespace, name)?.spec.volumes.find((other) => other.name === mount)?.claimTemplate;

/** The stored parameters at the same place, and the class beside them. */
export function findStored(
  declared: Declared,
  { mount }: ParametersPlace,
  world: State,
): { parameters: StorageParameters; storageClassName?: string | undefined } | undefined {
  const { kind, namespace, name } = declared;
  if (mount !== undefined) return templateOf(declared, mount, world);
  return kind === "storageClass" || kind === "volume"
    ? world.state.get(kind, namespace, name)?.spec
    : undefined;
}

/**
 * Puts the stored values in place of masks. Only parameters that are otherwise the stored ones get them:
 * nobody uses a secret for something else without knowing it.
 */
function readMasked(parameters: StorageParameters, stored: StorageParameters | undefined): StorageParameters {
  if (!isMasked(parameters)) return parameters;
  const shown = maskSecrets({ parameters: stored }).parameters;
  if (stored && sameValue(shown, parameters)) return stored;
  const issues = Object.keys(parameters).filter((key) => isMasked({ [key]: parameters[key]! })).map((
    key,
  ) => ({
    path: [key],
    message: `"${MASK}" stands for the stored secret, and only beside parameters that are all as stored`,
    hint: "write secret:<name>.<namespace>.rune/<key>, or the value itself",
  }));
  throw new RuneError("invalid_argument", issues[0]!.message, { issues });
}

/** The class of the parameters at a place: its name and driver, and its own parameters if it is stored. */
export function findClassOf(
  declared: Declared,
  { storageClassName, mount }: ParametersPlace,
  world: Pick<World, "state" | "drivers" | "defaultStorageClass">,
): {
  className?: string | undefined;
  driver: JudgingDriver | undefined;
  parameters?: StorageParameters | undefined;
} {
  const { state, drivers } = world;
  const { kind, namespace, name } = declared;
  if (kind === "storageClass") return { driver: drivers.get(declared.spec.driver) };
  // The first write pins the class.
  const volume = kind === "volume" ? state.get("volume", namespace, name) : undefined;
  const template = mount === undefined ? undefined : templateOf(declared, mount, world);
  const className = storageClassName ?? volume?.spec.storageClassName ?? template?.storageClassName ??
    defaultClass(world);
  const stored = state.get("storageClass", "", className ?? "")?.spec;
  return {
    className,
    driver: drivers.get(stored?.driver ?? volume?.status.driver ?? ""),
    parameters: stored?.parameters,
  };
}
