/** How messages name a call on a volume. @module */
import type { VolumeContext } from "./driver.ts";

/** `mount of volume default/web`. */
export function describeCall(verb: string, { volume }: Pick<VolumeContext, "volume">): string {
  return `${verb} of volume ${volume.namespace}/${volume.name}`;
}
