/**
 * The mark of a daemon on its Engine: an empty volume with labels. It is part of the Engine's data, costs
 * nothing, and needs no container. It says which daemon uses the Engine, and from which place. `docker volume
 * prune` may remove it; see `engine_identity.ts` for this case.
 * @module
 */
import { z } from "zod";
import type { Place } from "../engine_bond.ts";
import { containerListSchema } from "./container_state.ts";
import { type Ask, unlessAbsent } from "./engine.ts";
import { LABEL, labelFilter, markName } from "./labels.ts";

/** A mark on an Engine. */
export interface EngineMark {
  nonce: string;
  place: Place;
  /** Its path on the Engine's disk. */
  path: string;
}

const volumeSchema = z.object({
  Mountpoint: z.string(),
  Labels: z.record(z.string(), z.string()).nullish().transform((labels) => labels ?? {}),
});
const infoSchema = z.object({ ID: z.string(), DockerRootDir: z.string() });

/** Options of a call about a daemon's mark. */
export interface MarkCall {
  daemonId: string;
  signal: AbortSignal;
}

/** Reads the mark of a daemon; undefined if the Engine has none. */
export async function readMark(ask: Ask, { daemonId, signal }: MarkCall): Promise<EngineMark | undefined> {
  const volume = await unlessAbsent(ask.json(`/volumes/${markName(daemonId)}`, {
    what: "see whose Docker Engine this is",
    schema: volumeSchema,
    signal,
  }));
  if (!volume || volume.Labels[LABEL.daemon] !== daemonId) return undefined;
  const { Labels: labels, Mountpoint: path } = volume;
  return {
    path,
    nonce: labels[LABEL.mark] ?? "",
    place: {
      machine: labels[LABEL.machine] ?? "",
      dataDir: labels[LABEL.dataDir] ?? "",
      inode: labels[LABEL.inode] ?? "",
    },
  };
}

/** Creates a mark on the Engine and replaces an existing one. @returns the mark that is there afterwards. */
export async function putMark(
  ask: Ask,
  { nonce, place, ...call }: Pick<EngineMark, "nonce" | "place"> & MarkCall,
): Promise<EngineMark | undefined> {
  const { daemonId, signal } = call;
  const what = "mark the Docker Engine as this daemon's";
  await unlessAbsent(ask.send(`/volumes/${markName(daemonId)}`, { what, method: "DELETE", signal }));
  await ask.send("/volumes/create", {
    what,
    method: "POST",
    body: {
      Name: markName(daemonId),
      Driver: "local",
      Labels: {
        [LABEL.daemon]: daemonId,
        [LABEL.mark]: nonce,
        [LABEL.machine]: place.machine,
        [LABEL.dataDir]: place.dataDir,
        [LABEL.inode]: place.inode,
      },
    },
    signal,
  });
  // If two ask for the same name, the second gets the existing volume.
  return await readMark(ask, call);
}

/** Reads the Engine's information about itself, and whether it has containers of the daemon. */
export async function readEngine(
  ask: Ask,
  { daemonId, signal }: MarkCall,
): Promise<{ id: string; root: string; hasRuns: boolean }> {
  const what = "ask Docker who it is";
  const { ID, DockerRootDir } = await ask.json("/info", { what, schema: infoSchema, signal });
  const containers = await ask.json("/containers/json", {
    what,
    schema: containerListSchema,
    query: { all: "1", limit: "1", filters: labelFilter({ [LABEL.daemon]: daemonId }) },
    signal,
  });
  return { id: ID, root: DockerRootDir, hasRuns: containers.length > 0 };
}
