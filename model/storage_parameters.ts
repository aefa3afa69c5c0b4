/** The places of storage parameters: in classes, in volumes and in claim templates. @module */
import type { Kind } from "./kinds.ts";
import type { ServiceSpec } from "./service.ts";
import type { VolumeSpec } from "./volume.ts";

/** The parameters of a class or of a volume, by key. */
export type StorageParameters = Record<string, string>;

/** A place in a spec that holds parameters. */
export interface ParametersPlace {
  /** Its path in the spec. */
  path: (string | number)[];
  /** The storage class that is named beside it. */
  storageClassName?: string | undefined;
  /** The mount whose claim template it is in. */
  mount?: string;
}

type Holder = Partial<Pick<VolumeSpec, "parameters" | "storageClassName">>;

/**
 * Changes the parameters at every place of a spec. A spec without changes stays the same object.
 *
 * @param change returns the parameters, or others in their place.
 */
export function mapParameters<Spec>(
  kind: Kind,
  spec: Spec,
  change: (parameters: StorageParameters, place: ParametersPlace) => StorageParameters,
): Spec {
  const changeHolder = <H extends Holder>(holder: H, place: Pick<ParametersPlace, "path" | "mount">): H => {
    const { parameters, storageClassName } = holder;
    if (parameters === undefined) return holder;
    const changed = change(parameters, { ...place, storageClassName });
    return changed === parameters ? holder : { ...holder, parameters: changed };
  };
  if (kind === "storageClass" || kind === "volume") {
    return changeHolder(spec as Spec & Holder, { path: ["parameters"] });
  }
  if (kind !== "service") return spec;
  const { volumes } = spec as Pick<ServiceSpec, "volumes">;
  const changed = volumes.map((mount, i) => {
    const { claimTemplate, name } = mount;
    if (!claimTemplate) return mount;
    const path = ["volumes", i, "claimTemplate", "parameters"];
    const template = changeHolder(claimTemplate, { path, mount: name });
    return template === claimTemplate ? mount : { ...mount, claimTemplate: template };
  });
  return changed.every((mount, i) => mount === volumes[i]) ? spec : { ...spec, volumes: changed };
}
