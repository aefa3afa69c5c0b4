/** Carries out requests and answers them. @module */
import type { z } from "zod";
import { type Account, notFound, Refusal } from "./account.ts";
import type { Fault } from "./faults.ts";
import { actionObject, dropletObject, snapshotObject, volumeObject } from "./objects.ts";
import type { OperationId } from "./operations.ts";
import { createSnapshot, deleteSnapshot, requireSnapshot, snapshotsOf } from "./snapshots.ts";
import { createVolume, deleteVolume, requireVolume, startAction } from "./volumes.ts";
import { actionRequest, snapshotRequest, volumeRequest } from "./wire.ts";

/** A request whose form was checked. */
export interface CheckedRequest {
  op: OperationId;
  params: Record<string, string>;
  query: Record<string, unknown>;
  body: unknown;
  fault?: Fault;
}

/** How the fake behaves. */
export interface Behaviour {
  /** Where the fake listens, for the links of pages. */
  url: string;
  pageSize: number;
  actionMs: number;
  tenMinutes: boolean;
}

/** An answer. */
export interface Answer {
  status: number;
  body?: unknown;
}

/** Carries out a request. @throws {Refusal} as the API refuses. */
export async function answerRequest(
  account: Account,
  request: CheckedRequest,
  behaviour: Behaviour,
): Promise<Answer> {
  const { op, params, query, body, fault } = request;
  const { volume_id: volumeId = "", snapshot_id: snapshotId = "" } = params;
  const answerList = (key: string, elements: unknown[]) => pageOf({ key, elements }, request, behaviour);
  switch (op) {
    case "volumes_list": {
      const wanted = account.seeAll().filter(({ name, region }) =>
        (query.name === undefined || name === query.name) &&
        (query.region === undefined || region === query.region)
      );
      return answerList("volumes", wanted.map(volumeObject));
    }
    case "volumes_create": {
      const volume = await createVolume(account, body as z.output<typeof volumeRequest>, fault);
      return { status: 201, body: { volume: volumeObject(volume) } };
    }
    case "volumes_get": {
      for (const action of account.findPending({ volumeId })) await account.look(action);
      const volume = account.see(volumeId);
      if (!volume) throw notFound();
      return { status: 200, body: { volume: volumeObject(volume) } };
    }
    case "volumes_delete":
      await deleteVolume(account, volumeId, fault);
      return { status: 204 };
    case "volumeActions_post_byId": {
      const { actionMs } = behaviour;
      const said = body as z.output<typeof actionRequest>;
      const started = await startAction(account, {
        ...{ volumeId, request: said, actionMs },
        ...(fault && { fault }),
      });
      return { status: 202, body: { action: actionObject(started) } };
    }
    case "actions_get": {
      const action = account.actions.get(Number(params.action_id));
      if (!action) throw notFound();
      await account.look(action);
      return { status: 200, body: { action: actionObject(action) } };
    }
    case "volumeSnapshots_list":
      requireVolume(account, volumeId);
      return answerList("snapshots", snapshotsOf(account, volumeId).map(snapshotObject));
    case "volumeSnapshots_create": {
      const { name } = body as z.output<typeof snapshotRequest>;
      const { tenMinutes } = behaviour;
      const snapshot = await createSnapshot(account, { volumeId, name, tenMinutes });
      return { status: 201, body: { snapshot: snapshotObject(snapshot) } };
    }
    case "volumeSnapshots_get_byId":
      return { status: 200, body: { snapshot: snapshotObject(requireSnapshot(account, snapshotId)) } };
    case "volumeSnapshots_delete_byId":
      await deleteSnapshot(account, snapshotId);
      return { status: 204 };
    case "droplets_list":
      return answerList("droplets", listDroplets(account, query));
    case "droplets_get": {
      const droplet = account.droplets.get(Number(params.droplet_id));
      if (!droplet) throw notFound();
      return { status: 200, body: { droplet: dropletObject(droplet, account) } };
    }
  }
}

function listDroplets(account: Account, { name, tag_name, type }: Record<string, unknown>): unknown[] {
  if (name !== undefined && tag_name !== undefined) {
    throw new Refusal(400, "bad_request", "name and tag_name cannot be combined");
  }
  // No droplet of the fake has tags.
  if (tag_name !== undefined) return [];
  // The filter is exact but for the case, and GPU droplets are listed only on request.
  return [...account.droplets.values()]
    .filter((droplet) => droplet.gpu === (type === "gpus"))
    .filter((droplet) => name === undefined || droplet.name.toLowerCase() === String(name).toLowerCase())
    .map((droplet) => dropletObject(droplet, account));
}

function pageOf(
  { key, elements }: { key: string; elements: unknown[] },
  { query, params, op }: CheckedRequest,
  { url, pageSize }: Behaviour,
): Answer {
  const perPage = Math.min(Number(query.per_page ?? 20), pageSize);
  const page = Number(query.page ?? 1);
  const last = Math.max(1, Math.ceil(elements.length / perPage));
  const linkTo = (to: number) => `${url}/v2/${params.volume_id ?? op}?page=${to}`;
  const pages = {
    ...(page > 1 && { first: linkTo(1), prev: linkTo(page - 1) }),
    ...(page < last && { next: linkTo(page + 1), last: linkTo(last) }),
  };
  return {
    status: 200,
    body: {
      [key]: elements.slice((page - 1) * perPage, page * perPage),
      links: last === 1 ? {} : { pages },
      meta: { total: elements.length },
    },
  };
}
