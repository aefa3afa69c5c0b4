/** The operations on volumes and their actions. @module */
import type { z } from "zod";
import { type Account, type Action, notFound, Refusal, unprocessable, type Volume } from "./account.ts";
import type { Fault } from "./faults.ts";
import { actionRequest, volumeRequest } from "./wire.ts";

/** What DigitalOcean says of names, although its description permits a longer one. */
const NAME = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const NAME_RULE =
  "Name must start with a lowercase letter followed by up to 62 lowercase letters, numbers, " +
  "or hyphens, and cannot end with a hyphen";
const LARGEST_GB = 16_384;
const MOST_PER_DROPLET = 15;
const PENDING = "Droplet already has a pending event.";

/** @throws {Refusal} 404. */
export function requireVolume(account: Account, id: string): Volume {
  const volume = account.volumes.get(id);
  if (!volume) throw notFound();
  return volume;
}

/** Creates a volume. */
export async function createVolume(
  account: Account,
  request: z.output<typeof volumeRequest>,
  fault?: Fault,
): Promise<Volume> {
  const { name, region, snapshot_id, description = "", tags } = request;
  if (!NAME.test(name)) throw unprocessable(NAME_RULE);
  const source = snapshot_id === undefined ? undefined : account.snapshots.get(snapshot_id);
  if (snapshot_id !== undefined && !source) throw notFound();
  if (source && source.region !== region) throw unprocessable("snapshot is not available in this region");
  // The size that was sent does not count for a volume that is filled from a snapshot.
  const sizeGb = source?.sizeGb ?? request.size_gigabytes;
  requireSize(sizeGb);
  for (const other of account.volumes.values()) {
    if (other.name === name && other.region === region) {
      throw new Refusal(409, "conflict", "a volume with the same name already exists in this region");
    }
  }
  requireQuota(account, sizeGb);
  const id = crypto.randomUUID();
  const volume = {
    ...{ id, name, region, description, sizeGb },
    createdAt: new Date(account.now()),
    tags: tags ?? [],
    dropletIds: [],
  };
  await account.backing.create(volume, source?.id);
  account.change(id, volume, lagOf(fault));
  return volume;
}

/** Deletes a volume. */
export async function deleteVolume(account: Account, id: string, fault?: Fault): Promise<void> {
  const volume = requireVolume(account, id);
  if (volume.dropletIds.length > 0) {
    throw new Refusal(409, "conflict", "attached volume cannot be deleted");
  }
  if (account.findPending({ volumeId: id }).length > 0) throw unprocessable(PENDING);
  account.change(id, undefined, lagOf(fault));
  await account.backing.remove(volume);
}

/** Starts an action. */
export async function startAction(
  account: Account,
  { volumeId, request, fault, actionMs }: {
    volumeId: string;
    request: z.output<typeof actionRequest>;
    fault?: Fault;
    actionMs: number;
  },
): Promise<Action> {
  const volume = requireVolume(account, volumeId);
  if (request.region !== undefined && request.region !== volume.region) {
    throw unprocessable("region does not match the volume's region");
  }
  const dropletId = request.type === "resize" ? undefined : request.droplet_id;
  await refuseBusy(account, { volumeId, ...(dropletId !== undefined && { dropletId }) });
  if (request.type === "detach" && await account.backing.isMounted(volume)) {
    // DigitalOcean would do it, and the mount would be dead.
    account.backing.violations.push(`volume ${volume.name} was detached while it was mounted`);
  }
  const work = planWork(account, { volume, request, fault });
  const polls = fault && "action" in fault && typeof fault.action === "object" ? fault.action.polls : 1;
  const never = fault && "action" in fault && fault.action === "never";
  const action: Action = {
    id: account.nextId(),
    type: request.type,
    volumeId,
    ...(dropletId !== undefined && { dropletId }),
    region: volume.region,
    startedAt: new Date(account.now()),
    status: "in-progress",
    looksLeft: never ? Infinity : polls,
    dueMs: never || polls > 1 ? Infinity : performance.now() + actionMs,
    ending: endingOf(fault),
    work,
  };
  account.actions.set(action.id, action);
  return action;
}

function endingOf(fault: Fault | undefined): Action["ending"] {
  if (fault && "erroredButDone" in fault) return "errored-but-done";
  return fault && "action" in fault && fault.action === "errored" ? "errored" : "completed";
}

/** @throws {Refusal} if the volume or the droplet is busy. A refusal counts as a look. */
async function refuseBusy(account: Account, target: { volumeId: string; dropletId?: number }): Promise<void> {
  const pending = account.findPending(target);
  for (const action of pending) await account.look(action);
  if (pending.length > 0) throw unprocessable(PENDING);
  const droplet = account.droplets.get(target.dropletId ?? -1);
  if (!droplet || droplet.pendingRefusals <= 0) return;
  droplet.pendingRefusals--;
  throw unprocessable(PENDING);
}

/** Checks an action. @returns what it does when it ends. @throws {Refusal} if it cannot be done. */
function planWork(
  account: Account,
  { volume: { id }, request, fault }: {
    volume: Volume;
    request: z.output<typeof actionRequest>;
    fault?: Fault;
  },
): () => Promise<void> {
  const volume = requireVolume(account, id);
  const update = (next: Partial<Volume>) => {
    const now = account.volumes.get(id);
    if (now) account.change(id, { ...now, ...next }, lagOf(fault));
  };
  if (request.type === "resize") {
    const sizeGb = request.size_gigabytes;
    requireSize(sizeGb);
    if (sizeGb <= volume.sizeGb) throw unprocessable("the new size must be larger than the current one");
    requireQuota(account, sizeGb - volume.sizeGb);
    return async () => {
      update({ sizeGb });
      if (account.volumes.has(id)) await account.backing.resize({ ...volume, sizeGb });
    };
  }
  const { droplet_id: dropletId } = request;
  if (request.type === "detach") {
    if (!volume.dropletIds.includes(dropletId)) throw unprocessable("Attachment not found");
    return async () => {
      update({ dropletIds: [] });
      await account.showDevice(id);
    };
  }
  const droplet = account.droplets.get(dropletId);
  if (!droplet) throw notFound();
  if (volume.dropletIds.length > 0) throw unprocessable("This volume is already attached.");
  if (droplet.region !== volume.region) throw unprocessable("Droplet and volume are in different regions");
  const all = [...account.volumes.values()];
  if (all.filter(({ dropletIds }) => dropletIds.includes(dropletId)).length >= MOST_PER_DROPLET) {
    throw unprocessable(`cannot attach more than ${MOST_PER_DROPLET} volumes to a single Droplet`);
  }
  return async () => {
    update({ dropletIds: [dropletId] });
    await account.showDevice(id, fault && "device" in fault ? fault.device : undefined);
  };
}

const lagOf = (fault: Fault | undefined): { lag?: number } =>
  fault && "lag" in fault ? { lag: fault.lag } : {};

function requireSize(sizeGb: number): void {
  if (sizeGb < 1 || sizeGb > LARGEST_GB) throw unprocessable(`size must be between 1 and ${LARGEST_GB}`);
}

function requireQuota(account: Account, moreGb: number): void {
  const usedGb = [...account.volumes.values()].reduce((sum, { sizeGb }) => sum + sizeGb, 0);
  if (usedGb + moreGb <= account.quotaGb) return;
  throw new Refusal(403, "forbidden", "failed to create volume: volume/snapshot capacity limit exceeded");
}
