/**
 * Names of instances: `<service>-<ordinal>`, with `-next` while the predecessor still has that name. Pure.
 * @module
 */

/** `web-0`, or `web-0-next` for a successor. */
export function instanceName(
  service: string,
  { ordinal, successor = false }: { ordinal: number; successor?: boolean },
): string {
  return `${service}-${ordinal}${successor ? "-next" : ""}`;
}
