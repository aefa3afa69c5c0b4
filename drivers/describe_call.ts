/** Names calls on volumes in messages. @module */
import type { VolumeContext } from "./driver.ts";

/** Names a call: `mount of volume default/web`. */
export function describeCall(verb: string, { volume }: Pick<VolumeContext, "volume">): string {
  return `${verb} of volume ${volume.namespace}/${volume.name}`;
}
