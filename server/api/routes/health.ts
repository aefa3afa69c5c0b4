/** Routes for the latest results of probes. @module */
import { type HealthReport, healthReportSchema } from "../../../model/api.ts";
import { findNode } from "../../../node/placement.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { instancesOf } from "../targets.ts";

/** Health of a service and of an instance. */
export function healthRoutes({ store, nodes }: ServerDeps): Endpoint[] {
  return (["service", "instance"] as const).map((kind) =>
    endpoint({
      method: "get",
      path: `/v1/namespaces/{namespace}/${kind}s/{name}/health`,
      tag: `${kind}s`,
      summary: "Whether instances are ready, and the last result of their checks",
      answers: { 200: { description: "Instances and checks", schema: healthReportSchema } },
      async handle({ request, params: { namespace, name } }) {
        const instances = instancesOf(store, { kind, namespace: namespace!, name: name! });
        const { probes } = findNode({ nodes });
        const reports = await Promise.all(
          instances.map((instance) => probes.report(instance, request.signal)),
        );
        const report: HealthReport = {
          instances: instances.map(({ name, status: { state, ready, message } }) => ({
            name,
            state,
            ready,
            ...(message !== undefined && { message }),
          })),
          checks: reports.flat(),
        };
        return Response.json(report);
      },
    })
  );
}
