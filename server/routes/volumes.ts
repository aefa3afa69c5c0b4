/** Actions on volumes: marks that the volume controller acts on. @module */
import { RuneError } from "../../spec/error.ts";
import { ANNOTATIONS } from "../../spec/marks.ts";
import { describeKey } from "../../spec/resource.ts";
import type { Volume, VolumeState } from "../../spec/volume.ts";
import { requireAlive, requireResource } from "../admission/preconditions.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { RESOURCES } from "../openapi.ts";
import { resourceResponse } from "./collections.ts";

interface Action {
  name: string;
  summary: string;
  annotation: string;
  check?: (volume: Volume) => void;
}

const PROVISIONED: VolumeState[] = ["Available", "Bound", "Released"];

const ACTIONS: Action[] = [
  {
    name: "detach",
    summary: "Break the bind of a volume whose instance is gone",
    annotation: ANNOTATIONS.detachRequestedAt,
  },
  {
    name: "retry-provision",
    summary: "Try again to provision a volume that failed or stalled",
    annotation: ANNOTATIONS.retryRequestedAt,
    check(volume) {
      const { state } = volume.status;
      if (!PROVISIONED.includes(state)) return;
      throw new RuneError("failed_precondition", `volume ${describeKey(volume)} is ${state}`, {
        hint: "there is nothing to retry: it is provisioned",
      });
    },
  },
];

/** One route per action. */
export function volumeRoutes({ store }: ServerDeps): Endpoint[] {
  return ACTIONS.map(({ name: action, summary, annotation, check }) =>
    endpoint({
      method: "post",
      path: `/v1/namespaces/{namespace}/volumes/{name}/actions/${action}`,
      tag: "volumes",
      summary,
      answers: { 200: { description: "The volume", schema: RESOURCES.volume } },
      async handle({ params: { namespace, name } }) {
        const volume = await store.transact((tx) => {
          const volume = requireResource(tx, { kind: "volume", namespace: namespace!, name: name! });
          requireAlive(volume);
          check?.(volume);
          return tx.update(volume, { annotations: { ...volume.annotations, [annotation]: tx.now } });
        });
        return resourceResponse(volume);
      },
    })
  );
}
