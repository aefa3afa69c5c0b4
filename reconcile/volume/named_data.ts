/** Why a volume that names existing data of a provider may not have it now. @module */
import type { DriverCapabilities } from "../../drivers/driver.ts";
import { describeReach, findNamedData } from "../../drivers/named_data.ts";
import { describeWithin } from "../../model/kinds.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { StorageClass } from "../../model/storage_class.ts";
import type { Volume } from "../../model/volume.ts";
import { findClass } from "../../node/volume_call.ts";
import type { Reader } from "../../store/store.ts";

/** A volume before it is provisioned. */
interface NamingView {
  volume: Volume;
  class: StorageClass | undefined;
  capabilities: DriverCapabilities | undefined;
  /** Another volume that has the data; see {@linkcode findRival}. */
  rival?: Volume;
}

/**
 * Why the volume has to wait, and what to do. Undefined if it names no data, or may have it.
 *
 * Rights are judged when a volume is cast. Afterwards its class may get another secret, which the author of
 * the volume may not be allowed to use.
 */
export function namedDataProblem(
  { volume, class: storageClass, capabilities, rival }: NamingView,
): { message: string; hint: string } | undefined {
  const { namespace, annotations, spec: { parameters }, status: { ownerService } } = volume;
  const named = findNamedData(capabilities, parameters);
  if (!named) return undefined;
  const { handle, parameter } = named;
  const inherited = storageClass?.spec.parameters;
  if (
    annotations[ANNOTATIONS.namedData] !== describeReach({ namespace, handle, own: parameters, inherited })
  ) {
    return {
      message: `${parameter} ${handle}: nobody has named this data with the secret that reaches it now`,
      hint: `cast this ${ownerService === undefined ? "volume" : "volume, or its service,"} again, ` +
        "which takes the right to read that secret",
    };
  }
  return rival && {
    message: `${parameter} ${handle} is the data of ${describeWithin(namespace, rival)}`,
    hint: "delete this volume, and claim the other one",
  };
}

/** Finds another volume that has the data which a volume names, or that named it first. */
export function findRival(
  { volume, capabilities, driver }: Pick<NamingView, "volume" | "capabilities"> & {
    driver: string | undefined;
  },
  state: Reader,
): Volume | undefined {
  if (volume.status.handle !== undefined) return undefined;
  const named = findNamedData(capabilities, volume.spec.parameters);
  if (!named) return undefined;
  return state.list("volume").find((other) => {
    const { uid, spec, status } = other;
    const itsDriver = status.driver ?? findClass(other, state).class?.spec.driver;
    if (uid === volume.uid || itsDriver !== driver) return false;
    if (status.handle !== undefined) return status.handle === named.handle;
    // What was judged for other secrets may be in another account, or never be provisioned.
    const record = volume.annotations[ANNOTATIONS.namedData];
    return spec.parameters[named.parameter] === named.handle && status.state !== "Stalled" &&
      other.annotations[ANNOTATIONS.namedData] === record && isOlder(other, volume);
  });
}

const isOlder = (one: Volume, other: Volume) =>
  one.createdAt === other.createdAt ? one.uid < other.uid : one.createdAt < other.createdAt;
