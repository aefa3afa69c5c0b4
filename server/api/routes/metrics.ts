/** `/metrics`: the daemon's metrics in the exposition format of Prometheus. @module */
import { maySee, type Viewer } from "../../auth/visibility.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";

/** `GET /metrics`, if the daemon has metrics. */
export function metricsRoutes({ metrics }: ServerDeps): Endpoint[] {
  if (!metrics) return [];
  const { registry } = metrics;
  return [endpoint({
    method: "get",
    path: "/metrics",
    tag: "system",
    summary: "Metrics of the daemon for Prometheus",
    answers: { 200: { description: "The exposition format, text" } },
    handle: async ({ principal }) =>
      new Response(shownTo(principal, await registry.metrics()), {
        headers: { "content-type": registry.contentType },
      }),
  })];
}

const NAMESPACE = /[{,]namespace="([^"]*)"/;

/** Removes metrics of namespaces that the caller may not see, which the label `namespace` identifies. */
function shownTo(viewer: Viewer, text: string): string {
  return text.split("\n").filter((line) => {
    const namespace = line.startsWith("#") ? undefined : NAMESPACE.exec(line)?.[1];
    if (namespace === undefined) return true;
    return maySee(viewer, /[{,]volume="/.test(line) ? "volume" : "service", namespace);
  }).join("\n");
}
