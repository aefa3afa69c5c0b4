/** Lists and restores deleted volumes whose data is still in the trash. @module */
import type { TrashEntry } from "../../../drivers/driver.ts";
import { trashSchema, undeleteRequestSchema } from "../../../model/api.ts";
import { findNode } from "../../../node/placement.ts";
import { RuneError } from "../../../model/error.ts";
import { ANNOTATIONS } from "../../../model/marks.ts";
import { describeKey } from "../../../model/resource.ts";
import type { Volume } from "../../../model/volume.ts";
import type { Tx } from "../../../store/store.ts";
import { makeInitialState } from "../../admission/initial_state.ts";
import { permitWrite, type Writer } from "../../auth/write_permits.ts";
import { ensureNamespace } from "../../admission/cast.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { RESOURCES } from "../openapi.ts";
import { resourceResponse } from "./collections.ts";

/** An entry and its driver. */
interface Found extends TrashEntry {
  driver: string;
}

/** Lists the deleted volumes of a namespace, or of all; the latest first. */
async function listTrash(
  { nodes }: ServerDeps,
  { namespace, signal }: { namespace?: string | undefined; signal: AbortSignal },
): Promise<Found[]> {
  const lists = await Promise.all(
    [...findNode({ nodes }).drivers.values()].map(async (driver) =>
      (await driver.listTrash?.(signal) ?? []).map((entry) => ({ ...entry, driver: driver.name }))
    ),
  );
  return lists.flat().filter((entry) => namespace === undefined || entry.namespace === namespace)
    .sort((a, b) => b.deletedAt.localeCompare(a.deletedAt));
}

/** An entry as the API shows it. */
function trashEntryBody({ id, driver, namespace, name, uid, deletedAt, purgeAt, record }: Found) {
  return {
    ...{ id, driver, namespace, name, uid, deletedAt, purgeAt },
    ...(record && {
      size: record.spec.size,
      ...(record.spec.storageClassName !== undefined && { storageClassName: record.spec.storageClassName }),
    }),
  };
}

/** The routes for list and undelete. */
export function trashRoutes(deps: ServerDeps): Endpoint[] {
  const lists = ["/v1/namespaces/{namespace}/trash", "/v1/trash"].map((path) =>
    endpoint({
      method: "get",
      path,
      tag: "volumes",
      summary: `List deleted volumes that can be restored${path.includes("{") ? "" : ", of all namespaces"}`,
      answers: { 200: { description: "The latest first", schema: trashSchema } },
      handle: async ({ request, params, principal }) => {
        const entries = (await listTrash(deps, { ...params, signal: request.signal })).filter((
          { namespace },
        ) => principal.may({ resource: "volumes", verb: "list", namespace }));
        return Response.json({ items: entries.map(trashEntryBody) });
      },
    })
  );
  return [
    ...lists,
    endpoint({
      method: "post",
      path: "/v1/namespaces/{namespace}/volumes/{name}/actions/undelete",
      tag: "volumes",
      summary: "Restore a deleted volume and its data: the latest with that name, unless an id is given",
      body: undeleteRequestSchema,
      answers: {
        201: { description: "The volume, which will get its data from the trash", schema: RESOURCES.volume },
      },
      async handle({ request, params: { namespace, name }, body, principal }) {
        const key = { namespace: namespace!, name: name! };
        const entries = (await listTrash(deps, { ...key, signal: request.signal })).filter((entry) =>
          entry.name === name
        );
        const entry = entries.find((e) => body.id === undefined || e.id === body.id);
        if (!entry) throw notThere(key, { id: body.id, entries });
        return resourceResponse(
          await deps.store.transact((tx) => bringBack(tx, { entry, writer: principal })),
          { to: principal, status: 201 },
        );
      },
    }),
  ];
}

function notThere(
  key: { namespace: string; name: string },
  { id, entries }: { id?: string; entries: Found[] },
): RuneError {
  const what = id === undefined
    ? `volume ${describeKey(key)}`
    : `volume ${describeKey(key)} with the id ${id}`;
  return new RuneError("not_found", `the trash has no ${what}`, {
    hint: entries.length > 0
      ? `it has ${entries.map((e) => `${e.id} (deleted ${e.deletedAt})`).join(", ")}`
      : "rune volume undelete lists its entries; a volume with the policy retain leaves its data in place: " +
        "cast it again",
  });
}

function bringBack(tx: Tx, { entry, writer }: { entry: Found; writer: Writer }): Volume {
  const { namespace, name, record } = entry;
  if (!record) {
    throw new RuneError("failed_precondition", `the settings of volume ${describeKey(entry)} are unknown`, {
      hint: `cast it again, and move its data out of the trash entry ${entry.id} by hand`,
    });
  }
  // The stored settings may be another caller's, so this caller needs the rights to everything that they
  // refer to.
  const declared = { kind: "volume", namespace, name, labels: record.labels, spec: record.spec } as const;
  permitWrite(tx, writer, { declared, before: undefined });
  if (tx.get("volume", namespace, name)) {
    throw new RuneError("already_exists", `volume ${describeKey(entry)} exists again`, {
      hint: "delete it first; its reclaim policy decides what happens to its own data",
    });
  }
  ensureNamespace(tx, namespace);
  const { ownerService } = record;
  const birth = makeInitialState("volume", record.spec);
  return tx.create({
    kind: "volume",
    namespace,
    name,
    labels: record.labels,
    annotations: { [ANNOTATIONS.undeleteFrom]: entry.id },
    finalizers: birth.finalizers,
    spec: record.spec,
    status: { ...birth.status, driver: entry.driver, ...(ownerService !== undefined && { ownerService }) },
  });
}
