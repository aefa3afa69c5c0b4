/** Names of snapshots that nobody named. Free of schemas, so that a client that only reads starts fast. @module */

const MAX_NAME = 63;

/**
 * `<volume>-<infix>-<unix>`, the volume's part cut where a name could not be that long.
 *
 * @param options `infix` is `snap` for those that somebody asked for, `auto` for those of a policy; `unix` in seconds.
 */
export function snapshotName(volume: string, { infix, unix }: { infix: string; unix: number }): string {
  const suffix = `-${infix}-${unix}`;
  return volume.slice(0, MAX_NAME - suffix.length).replace(/-+$/, "") + suffix;
}
