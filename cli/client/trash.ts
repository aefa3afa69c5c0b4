/** Lists deleted volumes that can be restored. @module */
import type { TrashItem } from "../../model/api.ts";
import { type Client, segment } from "./client.ts";

/** Newest first. @param namespace default: all namespaces. */
export async function listTrash(client: Client, namespace?: string): Promise<TrashItem[]> {
  const path = namespace === undefined ? "/v1/trash" : `/v1/namespaces/${segment(namespace)}/trash`;
  return (await client.request<{ items: TrashItem[] }>("GET", path)).items;
}
