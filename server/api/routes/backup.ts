/** `POST /v1/admin/backup`: the whole daemon as one archive. @module */
import { type BackupRequest, backupRequestSchema } from "../../../model/api.ts";
import { makeBackup } from "../../backup/backup.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";

/** Describes the contents of a backup for the audit log. */
function describeBackup({ withKek, volumes, snapshots = true }: BackupRequest): string {
  return [
    "the state",
    ...withKek ? ["the key encryption key"] : [],
    ...volumes.length > 0
      ? [`the data of ${volumes.join(", ")}${snapshots ? "" : ", without snapshots"}`]
      : [],
  ].join(", ");
}

/** The route of backups. */
export function backupRoutes({ store, secrets, nodes, info, shutdown, logger }: ServerDeps): Endpoint[] {
  return [endpoint({
    method: "post",
    path: "/v1/admin/backup",
    tag: "admin",
    summary: "Make a backup of the state and, on request, of the data of volumes",
    body: backupRequestSchema,
    answers: { 200: { description: "A gzip tar; its last file is SHA256SUMS" } },
    async handle({ body, request, note }) {
      note(describeBackup(body));
      const source = { store, secrets, nodes, info, logger };
      const stream = await makeBackup(source, body, shutdown, { asked: request.signal });
      return new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>, {
        headers: { "content-type": "application/gzip" },
      });
    },
  })];
}
