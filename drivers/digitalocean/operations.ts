/**
 * The operations of DigitalOcean's API that the driver uses, with the scope that each needs. A test compares
 * them with the provider's own description of its API.
 * @module
 */

/** One operation. */
export interface Operation {
  method: "GET" | "POST" | "DELETE";
  /** The path with its parameters in braces. */
  path: string;
  /** The scope that a token needs for it. */
  scope: string;
  /** What it does, as a noun, for messages. */
  what: string;
}

/** Every operation of the driver. */
export const OPERATIONS = {
  listVolumes: {
    method: "GET",
    path: "/v2/volumes",
    scope: "block_storage:read",
    what: "search for a volume",
  },
  createVolume: {
    method: "POST",
    path: "/v2/volumes",
    scope: "block_storage:create",
    what: "creation of a volume",
  },
  readVolume: {
    method: "GET",
    path: "/v2/volumes/{volume_id}",
    scope: "block_storage:read",
    what: "look at a volume",
  },
  deleteVolume: {
    method: "DELETE",
    path: "/v2/volumes/{volume_id}",
    scope: "block_storage:delete",
    what: "deletion of a volume",
  },
  actOnVolume: {
    method: "POST",
    path: "/v2/volumes/{volume_id}/actions",
    scope: "block_storage_action:create",
    what: "action on a volume",
  },
  readAction: {
    method: "GET",
    path: "/v2/actions/{action_id}",
    scope: "actions:read",
    what: "look at an action",
  },
  listSnapshots: {
    method: "GET",
    path: "/v2/volumes/{volume_id}/snapshots",
    scope: "block_storage_snapshot:read",
    what: "search for a snapshot",
  },
  createSnapshot: {
    method: "POST",
    path: "/v2/volumes/{volume_id}/snapshots",
    scope: "block_storage_snapshot:create",
    what: "creation of a snapshot",
  },
  readSnapshot: {
    method: "GET",
    path: "/v2/volumes/snapshots/{snapshot_id}",
    scope: "block_storage_snapshot:read",
    what: "look at a snapshot",
  },
  deleteSnapshot: {
    method: "DELETE",
    path: "/v2/volumes/snapshots/{snapshot_id}",
    scope: "block_storage_snapshot:delete",
    what: "deletion of a snapshot",
  },
  listDroplets: {
    method: "GET",
    path: "/v2/droplets",
    scope: "droplet:read",
    what: "search for a droplet",
  },
  readDroplet: {
    method: "GET",
    path: "/v2/droplets/{droplet_id}",
    scope: "droplet:read",
    what: "look at a droplet",
  },
} as const satisfies Record<string, Operation>;

/** The name of an operation. */
export type OperationName = keyof typeof OPERATIONS;
