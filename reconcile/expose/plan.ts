/** Plans the routes of host names, only from services and their instances. @module */
import type { Route } from "../../node/proxy/proxy.ts";
import { sameValue } from "../../model/changes.ts";
import type { Exposure } from "../../model/expose.ts";
import { exposedPort } from "../../model/exposing.ts";
import type { Instance } from "../../model/instance.ts";
import { describeWithin } from "../../model/kinds.ts";
import type { Service } from "../../model/service.ts";

/** The observed state that a plan is made from. */
export interface ExposureView {
  services: Service[];
  instances: Instance[];
}

/** Routes, and refused services by uid, each with a message that says what to do. */
export interface RoutePlan {
  routes: Route[];
  refused: Map<string, string>;
}

/** Processes listen on the host itself. */
const PROCESS_ADDRESS = "127.0.0.1";

/**
 * The address of a ready instance. Its own template's ports count, because a named port may change its number
 * in a rollout.
 */
function upstreamOf({ spec, status }: Instance, service: Service): string | undefined {
  if (spec.runner === "docker" && status.ip === undefined) return undefined;
  const port = exposedPort({ ports: spec.template.ports, expose: service.spec.expose! }) ??
    exposedPort(service.spec);
  const address = spec.runner === "process" ? PROCESS_ADDRESS : status.ip;
  return port && `${address?.includes(":") ? `[${address}]` : address}:${port.port}`;
}

const isUp = ({ status, deletionRequestedAt }: Instance) => status.ready && deletionRequestedAt === undefined;

/** Plans all routes. If two services have one host name, which a cast refuses, the older service gets it. */
export function planRoutes({ services, instances }: ExposureView): RoutePlan {
  const owners = new Map<string, Service>();
  const refused = new Map<string, string>();
  const exposed = services.filter((s) =>
    s.spec.expose?.host !== undefined && s.deletionRequestedAt === undefined
  )
    .sort((a, b) => a.createdAt.localeCompare(b.createdAt) || a.uid.localeCompare(b.uid));
  for (const service of exposed) {
    const host = service.spec.expose!.host!;
    const owner = owners.get(host);
    if (!owner) owners.set(host, service);
    else {
      const message = `host name "${host}" is exposed by ${
        describeWithin(service.namespace, owner)
      }; choose another name`;
      refused.set(service.uid, message);
    }
  }
  const routes = [...owners].map(([host, service]) => ({
    host,
    upstreams: [
      ...new Set(
        instances.filter((i) => i.spec.serviceUid === service.uid && isUp(i))
          .flatMap((i) => upstreamOf(i, service) ?? []),
      ),
    ].sort(),
  })).sort((a, b) => a.host.localeCompare(b.host));
  return { routes, refused };
}

/**
 * Plans the exposure status of services with a host name, if it differs from the current one.
 *
 * @param outcome.failure a sentence that says why the routes could not be applied and what to do.
 */
export function planExposures(
  services: Service[],
  { plan, failure, urls }: { plan: RoutePlan; failure?: string; urls: Record<string, string[]> },
): { service: Service; exposure: Exposure }[] {
  return services.flatMap((service) => {
    const host = service.spec.expose?.host;
    if (host === undefined || service.deletionRequestedAt !== undefined) return [];
    const message = plan.refused.get(service.uid) ?? failure;
    const exposure: Exposure = message === undefined
      ? { host, urls: urls[host] ?? [] }
      : { host, urls: [], message };
    return sameValue(service.status.exposure, exposure) ? [] : [{ service, exposure }];
  });
}
