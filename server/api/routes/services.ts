/** Actions on services, and their history. @module */
import { z } from "zod";
import { scaleRequestSchema } from "../../../model/api.ts";
import { RuneError } from "../../../model/error.ts";
import { gradualScaleOf, writeGradualScale } from "../../../model/gradual_scale.ts";
import { ANNOTATIONS } from "../../../model/marks.ts";
import { describeKey } from "../../../model/resource.ts";
import type { Service } from "../../../model/service.ts";
import type { Tx } from "../../../store/store.ts";
import { revisionsOf } from "../../../reconcile/service/revisions.ts";
import { requireAlive, requireResource } from "../../admission/preconditions.ts";
import { applySet } from "../../admission/cast.ts";
import type { ServerDeps } from "../deps.ts";
import { type Call, type Endpoint, endpoint } from "../endpoint.ts";
import { RESOURCES } from "../openapi.ts";
import { maskSecrets } from "../../auth/secret_parameters.ts";
import { resourceResponse } from "./collections.ts";

const base = "/v1/namespaces/{namespace}/services/{name}";
const answers = { 200: { description: "The service", schema: RESOURCES.service } };

const historySchema = z.object({
  items: z.array(z.object({
    generation: z.number().int(),
    spec: z.record(z.string(), z.unknown()),
    at: z.string(),
    /** The user who wrote it. */
    by: z.string().optional(),
    /** Whether all its instances have been ready at the same time. */
    ready: z.boolean(),
    /** Whether it is the current generation. */
    live: z.boolean(),
  })),
});

type ScaleRequest = z.output<typeof scaleRequestSchema>;

/** Returns a service that is not being deleted. */
export function serviceOf(tx: Tx, params: Record<string, string>): Service {
  const service = requireResource(tx, { kind: "service", namespace: params.namespace!, name: params.name! });
  requireAlive(service);
  return service;
}

/** Scale, restart, stop and history. */
export function serviceRoutes(deps: ServerDeps): Endpoint[] {
  const scaleTo = async ({ params, principal: writer }: Call, { scale, gradual }: ScaleRequest) =>
    resourceResponse(
      await deps.store.transact((tx) => {
        const before = serviceOf(tx, params);
        const { kind, namespace, name, labels, spec } = before;
        const declared = { kind, namespace, name, labels, spec: { ...spec, scale } };
        const service = applySet(tx, [declared], deps, { writer, action: { verb: "scale" } })[0]!
          .resource as Service;
        if (!gradual || service.generation === before.generation) return service;
        const from = gradualScaleOf(before) ? before.status.scaling?.current ?? spec.scale : spec.scale;
        const value = writeGradualScale({ generation: service.generation, from, ...gradual });
        return tx.update(service, {
          annotations: { ...service.annotations, [ANNOTATIONS.gradualScale]: value },
        });
      }),
      { to: writer },
    );
  return [
    endpoint({
      method: "post",
      path: `${base}/actions/scale`,
      tag: "services",
      summary: "Set the number of instances",
      body: scaleRequestSchema,
      answers,
      handle: (call) => scaleTo(call, call.body),
    }),
    endpoint({
      method: "post",
      path: `${base}/actions/stop`,
      tag: "services",
      summary: "Scale to 0",
      answers,
      handle: (call) => scaleTo(call, { scale: 0 }),
    }),
    endpoint({
      method: "post",
      path: `${base}/actions/restart`,
      tag: "services",
      summary: "Replace every instance, and retry stalled ones",
      answers,
      async handle({ params, principal }) {
        const service = await deps.store.transact((tx) => {
          const service = serviceOf(tx, params);
          if (service.spec.scale === 0) {
            throw new RuneError("failed_precondition", `service ${describeKey(service)} is stopped`, {
              hint: `start it with: rune scale ${service.name} <n> -n ${service.namespace}`,
            });
          }
          return tx.update(service, {
            annotations: { ...service.annotations, [ANNOTATIONS.restartedAt]: tx.now },
          });
        });
        return resourceResponse(service, { to: principal });
      },
    }),
    endpoint({
      method: "get",
      path: `${base}/history`,
      tag: "services",
      summary: "Accepted specs, newest first",
      answers: { 200: { description: "One item for each kept generation", schema: historySchema } },
      async handle({ params: { namespace, name } }) {
        const service = requireResource(deps.store, { kind: "service", namespace: namespace!, name: name! });
        const history = await deps.store.history("service", namespace!, name!);
        return Response.json({ items: maskSecrets(revisionsOf(service as Service, history)) });
      },
    }),
  ];
}
