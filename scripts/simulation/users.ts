/** What users do, through the same functions as the API's routes. @module */
import type { CastKind } from "../../model/declared.ts";
import { RuneError } from "../../model/error.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { applySet, ensureNamespace, parseSet } from "../../server/admission/cast.ts";
import { deleteResource } from "../../server/admission/deletion.ts";
import { makeInitialState } from "../../server/admission/initial_state.ts";
import { SECRET_LIMITS } from "../../server/admission/secret_writes.ts";
import type { Store } from "../../store/store.ts";
import type { SimulatedDaemon } from "./daemon.ts";
import type { Wish } from "./events.ts";

/** A user with every right. */
const ANYBODY = { may: () => true, permit: () => {} };

/** What a daemon creates at its first start. */
export async function createInitialResources(store: Store): Promise<void> {
  if (store.get("storageClass", "", "local")) return;
  await store.transact((tx) => {
    ensureNamespace(tx, "default");
    const spec = {
      driver: "local",
      parameters: {},
      reclaimPolicy: "delete" as const,
      default: true,
      allowedTopologies: [],
    };
    tx.create({
      kind: "storageClass",
      namespace: "",
      name: "local",
      spec,
      ...makeInitialState("storageClass", spec),
    });
  });
}

/**
 * Sends a request.
 *
 * @returns whether it was accepted and acknowledged; it may also be refused.
 */
export async function ask({ store, drivers }: SimulatedDaemon, wish: Wish): Promise<boolean> {
  try {
    await store.transact((tx) => {
      switch (wish.do) {
        case "cast": {
          const set = parseSet([{ kind: wish.kind as CastKind, body: wish.body }]);
          const host = { privateMounts: true, containsProcesses: true, secretLimits: SECRET_LIMITS };
          applySet(tx, set, { drivers, ...host }, { writer: ANYBODY });
          return;
        }
        case "delete": {
          const { kind, name, cascade = false } = wish;
          deleteResource(tx, { kind, namespace: "default", name, cascade, viewer: ANYBODY });
          return;
        }
        case "restart": {
          const service = tx.get("service", "default", wish.name);
          if (!service || service.deletionRequestedAt !== undefined || service.spec.scale === 0) return;
          const annotations = { ...service.annotations, [ANNOTATIONS.restartedAt]: tx.now };
          tx.update(service, { annotations });
        }
      }
    });
    return true;
  } catch (error) {
    if (error instanceof RuneError) return false;
    throw error;
  }
}
