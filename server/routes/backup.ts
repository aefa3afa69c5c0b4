/** `POST /v1/admin/backup`: the whole daemon as one archive. @module */
import { backupRequestSchema } from "../../spec/api.ts";
import { makeBackup } from "../backup/backup.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";

/** See the module. */
export function backupRoutes({ store, secrets, drivers, info, shutdown, logger }: ServerDeps): Endpoint[] {
  return [endpoint({
    method: "post",
    path: "/v1/admin/backup",
    tag: "admin",
    summary: "Make a backup: the state, and the data of volumes where asked for",
    body: backupRequestSchema,
    answers: { 200: { description: "A gzip tar; its last file is SHA256SUMS" } },
    async handle({ body, request }) {
      const source = { store, secrets, drivers, info, logger };
      const stream = await makeBackup(source, body, shutdown, { asked: request.signal });
      return new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>, {
        headers: { "content-type": "application/gzip" },
      });
    },
  })];
}
