/** The name of an instance: `<service>-<ordinal>`, and `-next` while its predecessor has that name. Pure. @module */

/** `web-0`, or `web-0-next` while a successor runs beside it. */
export function instanceName(
  service: string,
  { ordinal, successor = false }: { ordinal: number; successor?: boolean },
): string {
  return `${service}-${ordinal}${successor ? "-next" : ""}`;
}
