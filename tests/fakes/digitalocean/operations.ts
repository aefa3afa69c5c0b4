/**
 * The operations of DigitalOcean's API that the fake has, with the scopes that a token needs for each.
 * @module
 */

/** An operation of the API. */
interface ApiOperation {
  method: "GET" | "POST" | "DELETE";
  /** The path with its parameters in braces. */
  path: string;
  /** All of them are needed. */
  scopes: readonly string[];
}

/** By the names that DigitalOcean's own description gives them. Paths without parameters stand first. */
export const OPERATIONS = {
  volumes_list: { method: "GET", path: "/v2/volumes", scopes: ["block_storage:read"] },
  volumes_create: { method: "POST", path: "/v2/volumes", scopes: ["block_storage:create"] },
  volumeSnapshots_get_byId: {
    method: "GET",
    path: "/v2/volumes/snapshots/{snapshot_id}",
    scopes: ["block_storage_snapshot:read"],
  },
  volumeSnapshots_delete_byId: {
    method: "DELETE",
    path: "/v2/volumes/snapshots/{snapshot_id}",
    scopes: ["block_storage_snapshot:delete"],
  },
  volumes_get: { method: "GET", path: "/v2/volumes/{volume_id}", scopes: ["block_storage:read"] },
  volumes_delete: { method: "DELETE", path: "/v2/volumes/{volume_id}", scopes: ["block_storage:delete"] },
  volumeActions_post_byId: {
    method: "POST",
    path: "/v2/volumes/{volume_id}/actions",
    scopes: ["block_storage_action:create"],
  },
  volumeSnapshots_list: {
    method: "GET",
    path: "/v2/volumes/{volume_id}/snapshots",
    scopes: ["block_storage_snapshot:read"],
  },
  volumeSnapshots_create: {
    method: "POST",
    path: "/v2/volumes/{volume_id}/snapshots",
    scopes: ["block_storage_snapshot:create"],
  },
  actions_get: { method: "GET", path: "/v2/actions/{action_id}", scopes: ["actions:read"] },
  droplets_list: { method: "GET", path: "/v2/droplets", scopes: ["droplet:read"] },
  droplets_get: { method: "GET", path: "/v2/droplets/{droplet_id}", scopes: ["droplet:read"] },
} as const satisfies Record<string, ApiOperation>;

/** The name of an operation. */
export type OperationId = keyof typeof OPERATIONS;

const PATTERNS = Object.entries(OPERATIONS).map(([id, { method, path }]) => ({
  id: id as OperationId,
  method,
  pattern: new RegExp(`^${path.replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
}));

/** Finds the operation of a request; undefined if the fake has none. */
export function findOperation(
  method: string,
  path: string,
): { op: OperationId; params: Record<string, string> } | undefined {
  for (const { id, method: own, pattern } of PATTERNS) {
    const found = own === method ? pattern.exec(path) : null;
    if (found) return { op: id, params: { ...found.groups } };
  }
  return undefined;
}
