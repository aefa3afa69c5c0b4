/** What wakes a service: a change of the service, its instances, or the data they use. Pure. @module */
import { type DataKey, describeData } from "../../model/data_uses.ts";
import { describeKey } from "../../model/resource.ts";
import type { Reader } from "../../store/store.ts";
import type { Watches } from "../news.ts";

/** Keys of services with an instance that uses this configmap or secret. */
function givenTo(state: Reader, key: DataKey): string[] {
  const instances = state.list("instance").filter(({ status }) =>
    status.configVersions !== undefined && Object.hasOwn(status.configVersions, describeData(key))
  );
  return [...new Set(instances.map(({ namespace, spec }) => `${namespace}/${spec.service}`))];
}

/** Keys are `<namespace>/<name>`. */
export const SERVICE_WATCHES: Watches = {
  round: (_, state) => state.list("service").map(describeKey),
  service: ({ resource, deleted }) => deleted ? [] : [describeKey(resource)],
  instance: ({ resource: { namespace, spec } }) => [`${namespace}/${spec.service}`],
  configmap: ({ resource }, state) => givenTo(state, resource),
  secret: ({ resource }, state) => givenTo(state, resource),
};
