/** Deleted volumes that can be brought back, as commands ask for them. @module */
import type { TrashItem } from "../../model/api.ts";
import { type Client, segment } from "./client.ts";

/** The latest first. @param namespace all namespaces when absent. */
export async function listTrash(client: Client, namespace?: string): Promise<TrashItem[]> {
  const path = namespace === undefined ? "/v1/trash" : `/v1/namespaces/${segment(namespace)}/trash`;
  return (await client.request<{ items: TrashItem[] }>("GET", path)).items;
}
