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

/** What the name of an instance says. */
export interface InstanceNameParts {
  service: string;
  ordinal: number;
  successor: boolean;
}

/** Reads the name of an instance: `web-0`, `web-0-next`. Returns undefined if no instance has such a name. */
export function parseInstanceName(name: string): InstanceNameParts | undefined {
  const match = /^(.+)-(0|[1-9]\d*)(-next)?$/.exec(name);
  if (!match) return undefined;
  return { service: match[1]!, ordinal: Number(match[2]), successor: match[3] !== undefined };
}
