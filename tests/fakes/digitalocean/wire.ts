/**
 * The forms of requests and answers, stricter than DigitalOcean's own description: nothing unknown in a
 * request, and nothing missing in an answer.
 * @module
 */
import { z } from "zod";
import type { OperationId } from "./operations.ts";

const page = {
  per_page: z.coerce.number().int().min(1).max(200).optional(),
  page: z.coerce.number().int().min(1).optional(),
};
const nothing = z.strictObject({});

/** What a query may say. */
export const QUERIES: Partial<Record<OperationId, z.ZodType<Record<string, unknown>>>> = {
  volumes_list: z.strictObject({ ...page, name: z.string().optional(), region: z.string().optional() }),
  volumeSnapshots_list: z.strictObject(page),
  droplets_list: z.strictObject({
    ...page,
    name: z.string().optional(),
    tag_name: z.string().optional(),
    type: z.enum(["droplets", "gpus"]).optional(),
  }),
};

const tags = z.array(z.string()).nullish();
/** The body of the creation of a volume. */
export const volumeRequest = z.strictObject({
  name: z.string(),
  size_gigabytes: z.number().int(),
  region: z.string(),
  description: z.string().optional(),
  snapshot_id: z.string().optional(),
  filesystem_type: z.string().optional(),
  filesystem_label: z.string().max(16).optional(),
  tags,
});
/** The body of an action on a volume. */
export const actionRequest = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("attach"),
    droplet_id: z.number().int(),
    region: z.string().optional(),
    tags,
  }),
  z.strictObject({ type: z.literal("detach"), droplet_id: z.number().int(), region: z.string().optional() }),
  z.strictObject({
    type: z.literal("resize"),
    size_gigabytes: z.number().int().max(16_384),
    region: z.string().optional(),
  }),
]);
/** The body of the creation of a snapshot. */
export const snapshotRequest = z.strictObject({ name: z.string(), tags });

/** What a body may say. An operation that is not here has none. */
export const BODIES: Partial<Record<OperationId, z.ZodType>> = {
  volumes_create: volumeRequest,
  volumeActions_post_byId: actionRequest,
  volumeSnapshots_create: snapshotRequest,
};

/** The form of the query of an operation. */
export const queryOf = (id: OperationId): z.ZodType<Record<string, unknown>> => QUERIES[id] ?? nothing;

const integer = z.number().int();
const time = z.iso.datetime();
const region = z.strictObject({
  name: z.string(),
  slug: z.string(),
  sizes: z.array(z.string()),
  features: z.array(z.string()),
  available: z.boolean(),
});
const volume = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  size_gigabytes: integer,
  droplet_ids: z.array(integer).nullable(),
  created_at: time,
  tags: z.array(z.string()).nullable(),
  region,
  filesystem_type: z.string(),
  filesystem_label: z.string(),
});
const action = z.strictObject({
  id: integer,
  status: z.enum(["in-progress", "completed", "errored"]),
  type: z.string(),
  started_at: time,
  completed_at: time.nullable(),
  resource_id: z.null(),
  resource_type: z.literal("volume"),
  region,
  region_slug: z.string(),
});
const snapshot = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  created_at: time,
  regions: z.array(z.string()),
  min_disk_size: integer,
  size_gigabytes: z.number(),
  resource_id: z.uuid(),
  resource_type: z.literal("volume"),
  tags: z.array(z.string()).nullable(),
});
const droplet = z.looseObject({
  id: integer,
  name: z.string(),
  status: z.enum(["new", "active", "off", "archive"]),
  region,
  volume_ids: z.array(z.uuid()),
});
const list = <T extends z.ZodType>(key: string, element: T) =>
  z.strictObject({
    [key]: z.array(element),
    links: z.strictObject({ pages: z.record(z.string(), z.url()).optional() }),
    meta: z.strictObject({ total: integer }),
  });

/** What the answer of a success says. An operation that is not here answers without a body. */
export const ANSWERS: Partial<Record<OperationId, z.ZodType>> = {
  volumes_list: list("volumes", volume),
  volumes_create: z.strictObject({ volume }),
  volumes_get: z.strictObject({ volume }),
  volumeActions_post_byId: z.strictObject({ action }),
  volumeSnapshots_list: list("snapshots", snapshot),
  volumeSnapshots_create: z.strictObject({ snapshot }),
  volumeSnapshots_get_byId: z.strictObject({ snapshot }),
  actions_get: z.strictObject({ action }),
  droplets_list: list("droplets", droplet),
  droplets_get: z.strictObject({ droplet }),
};

/** What the answer of a refusal says. */
export const refusalAnswer = z.strictObject({
  id: z.string(),
  message: z.string(),
  request_id: z.uuid().optional(),
});
