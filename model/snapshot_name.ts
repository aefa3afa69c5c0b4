/** Default names of snapshots. Uses no schemas, so that read-only clients start fast. @module */

const MAX_NAME = 63;

/**
 * `<volume>-<infix>-<unix>`, with the volume's part cut if the name would be too long.
 *
 * @param options `infix` is `snap` for snapshots on request and `auto` for those of a policy; `unix` is in
 * seconds.
 */
export function snapshotName(volume: string, { infix, unix }: { infix: string; unix: number }): string {
  const suffix = `-${infix}-${unix}`;
  return volume.slice(0, MAX_NAME - suffix.length).replace(/-+$/, "") + suffix;
}
