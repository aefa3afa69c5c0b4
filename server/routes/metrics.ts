/** `/metrics`: the daemon's figures in the exposition format of Prometheus. @module */
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";

/** `GET /metrics`, where the daemon has metrics. */
export function metricsRoutes({ metrics }: ServerDeps): Endpoint[] {
  if (!metrics) return [];
  const { registry } = metrics;
  return [endpoint({
    method: "get",
    path: "/metrics",
    tag: "system",
    summary: "Figures of the daemon for Prometheus",
    answers: { 200: { description: "The exposition format, text" } },
    handle: async () =>
      new Response(await registry.metrics(), { headers: { "content-type": registry.contentType } }),
  })];
}
