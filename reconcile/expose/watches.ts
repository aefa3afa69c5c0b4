/** What may change the routes, without frequent unrelated changes. Pure. @module */
import { sameValue } from "../../model/changes.ts";
import type { Instance } from "../../model/instance.ts";
import type { Service } from "../../model/service.ts";
import type { Watches } from "../news.ts";

/** The only key, because all routes are one document. */
const ALL_ROUTES = ["all"];

const hasHost = (service: Service | undefined) => service?.spec.expose?.host !== undefined;
const whereabouts = ({ status, deletionRequestedAt }: Instance) => [
  status.ready,
  status.ip,
  deletionRequestedAt,
];

export const EXPOSURE_WATCHES: Watches = {
  round: () => ALL_ROUTES,
  proxyEnded: () => ALL_ROUTES,
  service({ resource, previous }) {
    if (!hasHost(resource) && !hasHost(previous)) return [];
    const isCast = previous?.generation !== resource.generation ||
      previous.deletionRequestedAt !== resource.deletionRequestedAt;
    return isCast ? ALL_ROUTES : [];
  },
  instance({ resource, previous }, state) {
    if (!hasHost(state.get("service", resource.namespace, resource.spec.service))) return [];
    const moved = !previous || !sameValue(whereabouts(previous), whereabouts(resource));
    return moved ? ALL_ROUTES : [];
  },
};
