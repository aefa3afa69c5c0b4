/** `/v1/admin/registries`: the credentials of registries, which can be set but not read. @module */
import { z } from "zod";
import { listSchema } from "../../../model/api.ts";
import { registryBody, registryPattern, registryView } from "../../../model/registry.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { listRegistries } from "../../admission/registries.ts";
import { deleteRegistry, setRegistry } from "../../admission/stored_registries.ts";

const path = "/v1/admin/registries";
const tag = "admin";
const json = (value: unknown) => Response.json(value, { headers: { "cache-control": "no-store" } });

/** The routes of registries. */
export function registryRoutes(deps: ServerDeps): Endpoint[] {
  const { store, secrets } = deps;
  const views = () => listRegistries({ runefile: deps.registries ?? [], store, secrets }).map((r) => r.view);
  return [
    endpoint({
      method: "get",
      path,
      tag,
      summary: "List registries, without their credentials",
      answers: {
        200: {
          description: "Stored registries, then those of the runefile",
          schema: listSchema(registryView),
        },
      },
      handle: () => json({ items: views(), revision: store.revision }),
    }),
    endpoint({
      method: "put",
      path,
      tag,
      summary: "Store the credentials of a registry, or the name of the secret with them",
      body: registryBody,
      answers: { 200: { description: "The stored registry", schema: registryView } },
      async handle({ body, principal, note }) {
        const { match, secret, token } = body;
        const kind = secret !== undefined ? `secret ${secret}` : token === undefined ? "basic" : "token";
        note(`registry ${match}: ${kind}`);
        return json(await setRegistry(body, { store, secrets, permit: principal.permit }));
      },
    }),
    endpoint({
      method: "delete",
      path,
      tag,
      summary: "Remove a stored registry and its credentials",
      query: z.strictObject({ match: registryPattern.describe("Its pattern") }),
      answers: { 200: { description: "The removed registry", schema: registryView } },
      async handle({ query: { match }, note }) {
        note(`registry ${match}`);
        return json(await store.transact((tx) => deleteRegistry(tx, match)));
      },
    }),
  ];
}
