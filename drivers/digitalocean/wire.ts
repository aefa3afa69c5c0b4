/**
 * The parts of DigitalOcean's answers that the driver reads. Source: the provider's OpenAPI description. Only
 * what the driver uses is required, since the provider may add fields.
 * @module
 */
import { z } from "zod";

/** An identifier, which becomes a part of paths. */
const idSchema = z.string().regex(/^[\w-]{1,64}$/);
/** A name, which becomes a part of the path of a device. */
const nameSchema = z.string().regex(/^[\w.-]{1,255}$/);
const slugSchema = z.string().max(64);
const regionSchema = z.object({ slug: slugSchema });
const timeSchema = z.string().max(64);
/** How much of a description is read. What Rune writes is shorter, and others may write anything. */
const DESCRIPTION = 1024;

/** A volume. */
export const volumeSchema = z.object({
  id: idSchema,
  name: nameSchema,
  /** In GiB, although DigitalOcean writes GB. */
  size_gigabytes: z.number().int(),
  region: regionSchema,
  /** The droplet that it is attached to; at most one. */
  droplet_ids: z.array(z.number().int()).max(64).nullish().transform((ids) => ids ?? []),
  description: z.string().nullish().transform((text) => text?.slice(0, DESCRIPTION) ?? ""),
  created_at: timeSchema.optional(),
});
export type DoVolume = z.output<typeof volumeSchema>;

/** An action, which runs after the answer to the request. */
export const actionSchema = z.object({
  id: z.number().int(),
  status: z.enum(["in-progress", "completed", "errored"]),
  type: z.string().max(64),
});
export type DoAction = z.output<typeof actionSchema>;

/** A snapshot of a volume. */
export const snapshotSchema = z.object({
  id: idSchema,
  name: z.string().max(255),
  created_at: timeSchema,
  /** The size of a volume that is created from it, in GiB. The billed size is another field. */
  min_disk_size: z.number(),
  regions: z.array(slugSchema).max(64),
  resource_id: z.string().max(64),
});
export type DoSnapshot = z.output<typeof snapshotSchema>;

/** A droplet. */
export const dropletSchema = z.object({
  id: z.number().int(),
  name: z.string().max(255),
  status: z.string().max(64),
  region: regionSchema,
});
export type DoDroplet = z.output<typeof dropletSchema>;

/** The answer to a request that was refused. */
export const refusalSchema = z.object({
  id: z.string().optional(),
  message: z.string(),
  request_id: z.string().nullish(),
});

/** How many objects a list has in all. */
export const metaSchema = z.object({ meta: z.object({ total: z.number().int() }) });
