/** Rollback, which makes an earlier spec a new generation. @module */
import { rollbackRequestSchema } from "../../../model/api.ts";
import { RuneError } from "../../../model/error.ts";
import { describeKey } from "../../../model/resource.ts";
import type { Service } from "../../../model/service.ts";
import type { HistoryEntry } from "../../../store/store.ts";
import { rollbackTarget, rolledBack } from "../../../reconcile/service/revert.ts";
import { missingFor, type Revision, revisionAt, revisionsOf } from "../../../reconcile/service/revisions.ts";
import { requireResource } from "../../admission/preconditions.ts";
import { applySet } from "../../admission/cast.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { RESOURCES } from "../openapi.ts";
import { resourceResponse } from "./collections.ts";
import { serviceOf } from "./services.ts";

/** Picks the generation to roll back to. @throws {RuneError} `not_found`, `failed_precondition`. */
function pickRevision(service: Service, history: HistoryEntry[], wanted: number | undefined): Revision {
  const revisions = revisionsOf(service, history);
  const kept = revisions.filter((past) => !past.live).map((past) => past.generation);
  const look = `rune history ${service.name} -n ${service.namespace}`;
  const target = wanted === undefined
    ? rollbackTarget(service, history)
    : wanted > service.generation
    ? undefined
    : revisionAt(revisions, wanted);
  if (target?.live) {
    throw new RuneError("failed_precondition", `generation ${wanted} is the current one`, {
      hint: `see ${look}`,
    });
  }
  if (target) return target as Revision;
  if (wanted !== undefined) {
    throw new RuneError("not_found", `generation ${wanted} of ${describeKey(service)} is not kept`, {
      hint: kept.length > 0 ? `kept: ${kept.join(", ")} (${look})` : "it has only one generation",
    });
  }
  throw new RuneError(
    "failed_precondition",
    `${describeKey(service)} has no earlier generation that was ready and differs from this one`,
    { hint: `name one with --to-generation (${look})` },
  );
}

/** The error for a generation that cannot be restored. Nothing was changed. */
function cannotReturn(
  service: Service,
  { to, missing }: { to: number; missing: string },
): RuneError {
  const message = `${describeKey(service)} cannot go back to generation ${to}: ${missing}`;
  return new RuneError("failed_precondition", message, {
    hint:
      "nothing was changed; restore it first (rune volume undelete, rune cast), or cast a new spec instead",
  });
}

/** The route of rollbacks. */
export function rollbackRoutes(deps: ServerDeps): Endpoint[] {
  return [
    endpoint({
      method: "post",
      path: "/v1/namespaces/{namespace}/services/{name}/actions/rollback",
      tag: "services",
      summary: "Make an earlier spec a new generation; the scale does not change",
      body: rollbackRequestSchema,
      answers: { 200: { description: "The service", schema: RESOURCES.service } },
      async handle({ params, body, principal }) {
        const { namespace, name } = params;
        const known = requireResource(deps.store, { kind: "service", namespace: namespace!, name: name! });
        const history = await deps.store.history("service", known.namespace, known.name);
        const service = await deps.store.transact((tx) => {
          const current = serviceOf(tx, params);
          const target = pickRevision(current, history, body.toGeneration);
          const missing = missingFor(target, { service: current, state: tx });
          if (missing !== undefined) throw cannotReturn(current, { to: target.generation, missing });
          const spec = rolledBack(current, target);
          const { kind, namespace, name, labels } = current;
          return applySet(tx, [{ kind, namespace, name, labels, spec }], deps, { writer: principal })[0]!
            .resource;
        });
        return resourceResponse(service, { to: principal });
      },
    }),
  ];
}
