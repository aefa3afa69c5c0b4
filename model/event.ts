/** Event: something that happened to a resource; repeats collapse into a count. @module */
import { parseInstanceName } from "./instance_name.ts";
import { z } from "zod";
import { type Resource, resourceSchema } from "./envelope.ts";

export const eventSpecSchema = z.strictObject({
  object: z.strictObject({ kind: z.string(), name: z.string(), uid: z.string() }),
  type: z.enum(["Normal", "Warning"]),
  /** A short CamelCase word. */
  reason: z.string(),
  message: z.string(),
  count: z.number().int(),
  firstAt: z.string(),
  lastAt: z.string(),
});

export type EventSpec = z.infer<typeof eventSpecSchema>;
export type Event = Resource<"event", EventSpec, Record<string, never>>;

export const eventResource = resourceSchema("event", { spec: eventSpecSchema, status: z.object({}) });

/** The service of the instance with this name: `web` for `web-0` and `web-0-next`. */
export function serviceOfInstance(instance: string): string {
  return parseInstanceName(instance)?.service ?? instance;
}
