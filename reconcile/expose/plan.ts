/** Which host name leads where, decided from services and their instances and nothing else. @module */
import type { Route } from "../../node/proxy/proxy.ts";
import { sameValue } from "../../model/changes.ts";
import type { Exposure } from "../../model/expose.ts";
import { exposedPort } from "../../model/exposing.ts";
import type { Instance } from "../../model/instance.ts";
import { describeWithin } from "../../model/kinds.ts";
import type { Service } from "../../model/service.ts";

/** All that the plan looks at. */
export interface ExposureView {
  services: Service[];
  instances: Instance[];
}

/** Routes, and the services that get none although they ask for one: by uid, with what to do. */
export interface RoutePlan {
  routes: Route[];
  refused: Map<string, string>;
}

/** A process listens on the machine itself. */
const PROCESS_ADDRESS = "127.0.0.1";

/**
 * Where a ready instance answers; its own ports count, as a named one may have another number after a
 * rollout.
 */
function upstreamOf({ spec, status }: Instance, service: Service): string | undefined {
  if (spec.runner === "docker" && status.ip === undefined) return undefined;
  const port = exposedPort({ ports: spec.template.ports, expose: service.spec.expose! }) ??
    exposedPort(service.spec);
  const address = spec.runner === "process" ? PROCESS_ADDRESS : status.ip;
  return port && `${address?.includes(":") ? `[${address}]` : address}:${port.port}`;
}

const isUp = ({ status, deletionRequestedAt }: Instance) => status.ready && deletionRequestedAt === undefined;

/** Decides all routes. A name that two services have, which a cast refuses, is the older one's. */
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
 * What the services with a host name should say of it, where they do not say so already.
 *
 * @param outcome.failure why the routes could not be applied, as a sentence with what to do.
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
