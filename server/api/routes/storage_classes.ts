/** The action that makes a storage class the default. @module */
import { requireAlive, requireResource } from "../../admission/preconditions.ts";
import { makeDefault } from "../../admission/storage_class.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { RESOURCES } from "../openapi.ts";
import { resourceResponse } from "./collections.ts";

/** The route `set-default`. */
export function storageClassRoutes({ store }: ServerDeps): Endpoint[] {
  return [endpoint({
    method: "post",
    path: "/v1/storageclasses/{name}/actions/set-default",
    tag: "storageclasses",
    summary: "Make a class the default instead of the current one",
    answers: { 200: { description: "The class", schema: RESOURCES.storageClass } },
    async handle({ params, principal }) {
      const key = { kind: "storageClass", namespace: "", name: params.name! } as const;
      const cls = await store.transact((tx) => {
        requireAlive(requireResource(tx, key));
        makeDefault(tx, key.name, { writer: principal });
        return requireResource(tx, key);
      });
      return resourceResponse(cls, { to: principal });
    },
  })];
}
