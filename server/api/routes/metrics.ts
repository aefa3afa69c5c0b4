/** `/metrics`: the daemon's figures in the exposition format of Prometheus. @module */
import { maySee, type Viewer } from "../../auth/visibility.ts";
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
    handle: async ({ principal }) =>
      new Response(shownTo(principal, await registry.metrics()), {
        headers: { "content-type": registry.contentType },
      }),
  })];
}

const NAMESPACE = /[{,]namespace="([^"]*)"/;

/**
 * The figures without those of namespaces that the caller may not see, by the labels that every such figure
 * has.
 */
function shownTo(viewer: Viewer, text: string): string {
  return text.split("\n").filter((line) => {
    const namespace = line.startsWith("#") ? undefined : NAMESPACE.exec(line)?.[1];
    if (namespace === undefined) return true;
    return maySee(viewer, /[{,]volume="/.test(line) ? "volume" : "service", namespace);
  }).join("\n");
}
