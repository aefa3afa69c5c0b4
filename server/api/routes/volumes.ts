/**
 * Actions on volumes, which write marks and specs for the volume controller, and the measurement of volumes.
 * @module
 */
import { resizeRequestSchema, volumeUsageSchema } from "../../../model/api.ts";
import { RuneError, toRuneError } from "../../../model/error.ts";
import { ANNOTATIONS } from "../../../model/marks.ts";
import { describeKey } from "../../../model/resource.ts";
import type { Volume, VolumeState } from "../../../model/volume.ts";
import { describeVolumeCall, findClass } from "../../../node/volume_call.ts";
import { findNode } from "../../../node/placement.ts";
import { otherFilesystem } from "../../../reconcile/volume/other_filesystem.ts";
import type { Tx } from "../../../store/store.ts";
import { checkDetach } from "../../admission/detach.ts";
import { requireAlive, requireResource } from "../../admission/preconditions.ts";
import type { Filesystem } from "../../../model/filesystem.ts";
import type { Viewer } from "../../auth/visibility.ts";
import { applySet } from "../../admission/cast.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { RESOURCES } from "../openapi.ts";
import { resourceResponse } from "./collections.ts";

const base = "/v1/namespaces/{namespace}/volumes/{name}";
const answers = { 200: { description: "The volume", schema: RESOURCES.volume } };

/** How long a measurement may take; the result is not worth more for a large tree. */
const MEASURE_MS = 10_000;

interface Mark {
  name: string;
  summary: string;
  annotation: string;
  check(volume: Volume, options: { state: Tx; viewer: Viewer; other?: Filesystem }): void;
}

const PROVISIONED: VolumeState[] = ["Available", "Bound", "Released"];

const MARKS: Mark[] = [
  {
    name: "detach",
    summary: "Detach a volume from an instance that is gone",
    annotation: ANNOTATIONS.detachRequestedAt,
    check: checkDetach,
  },
  {
    name: "retry-provision",
    summary: "Retry a volume that failed or stalled, or accept a new filesystem in place of its own",
    annotation: ANNOTATIONS.retryRequestedAt,
    check(volume, { other }) {
      const { state } = volume.status;
      if (!PROVISIONED.includes(state) || other) return;
      throw new RuneError("failed_precondition", `volume ${describeKey(volume)} is ${state}`, {
        hint: "there is nothing to retry: it is already provisioned",
      });
    },
  },
];

/** Returns a volume that is not being deleted. */
function volumeOf(tx: Tx, { namespace, name }: Record<string, string>): Volume {
  const volume = requireResource(tx, { kind: "volume", namespace: namespace!, name: name! });
  requireAlive(volume);
  return volume;
}

/** The routes for detach, retry-provision, resize and usage. */
export function volumeRoutes(deps: ServerDeps): Endpoint[] {
  const marks = MARKS.map(({ name: action, summary, annotation, check }) =>
    endpoint({
      method: "post",
      path: `${base}/actions/${action}`,
      tag: "volumes",
      summary,
      answers,
      async handle({ params, principal }) {
        const { store, nodes } = deps;
        const before = store.get("volume", params.namespace!, params.name!);
        const retries = annotation === ANNOTATIONS.retryRequestedAt;
        const other = retries && before ? await otherFilesystem(before, { store, nodes }) : undefined;
        return resourceResponse(
          await deps.store.transact((tx) => {
            const volume = volumeOf(tx, params);
            check(volume, { state: tx, viewer: principal, ...(other && { other }) });
            if (other && volume.uid === before?.uid) {
              const { failureMessage: _m, failureHint: _h, ...status } = volume.status;
              return tx.update(volume, { status: { ...status, filesystem: other } });
            }
            return tx.update(volume, { annotations: { ...volume.annotations, [annotation]: tx.now } });
          }),
          { to: principal },
        );
      },
    })
  );
  return [
    ...marks,
    endpoint({
      method: "post",
      path: `${base}/actions/resize`,
      tag: "volumes",
      summary: "Grow a volume, as a cast with a larger size does",
      body: resizeRequestSchema,
      answers,
      handle: async ({ params, body, principal }) =>
        resourceResponse(
          await deps.store.transact((tx) => {
            const { kind, namespace, name, labels, spec: { source: _, ...spec } } = volumeOf(tx, params);
            const declared = { kind, namespace, name, labels, spec: { ...spec, size: body.size } };
            return applySet(tx, [declared], deps, { writer: principal, action: { verb: "update" } })[0]!
              .resource;
          }),
          { to: principal },
        ),
    }),
    endpoint({
      method: "get",
      path: `${base}/usage`,
      tag: "volumes",
      summary: "Measure the data of a volume, with its limit if the driver enforces one",
      answers: {
        200: { description: "Bytes; empty if the driver cannot tell", schema: volumeUsageSchema },
      },
      handle: ({ request, params }) => measure(deps, { params, signal: request.signal }),
    }),
  ];
}

async function measure(
  { store, nodes }: ServerDeps,
  { params: { namespace, name }, signal }: { params: Record<string, string>; signal: AbortSignal },
): Promise<Response> {
  const volume = requireResource(store, { kind: "volume", namespace: namespace!, name: name! });
  const driver = findNode({ nodes }).drivers.get(volume.status.driver ?? "");
  if (volume.status.handle === undefined || !driver?.usage) return Response.json({});
  const limit = AbortSignal.any([signal, AbortSignal.timeout(MEASURE_MS)]);
  try {
    return Response.json(await driver.usage(describeVolumeCall(findClass(volume, store), limit)));
  } catch (thrown) {
    const error = toRuneError(thrown);
    if (error.code !== "deadline_exceeded") throw error;
    const what = `measuring volume ${describeKey(volume)} took more than ${MEASURE_MS / 1000} s`;
    throw new RuneError("deadline_exceeded", what, { hint: "measure it on its host, with du" });
  }
}
