/** Lists the running containers of a daemon that does not run itself. @module */
import { z } from "zod";
import { createEngine } from "./engine.ts";
import { LABEL, labelFilter } from "./labels.ts";

/** A container that runs, or is paused. */
export interface RunningContainer {
  name: string;
  /** `<namespace>/<instance>`. */
  instance: string;
  /** Directories of the host that are mounted in it. */
  mounts: string[];
}

const schema = z.array(z.object({
  Names: z.array(z.string()),
  Labels: z.record(z.string(), z.string()).nullish(),
  Mounts: z.array(z.object({ Source: z.string().optional() })).nullish(),
}));

/** States in which a container's processes live. */
const LIVING = ["running", "paused", "restarting", "removing"];

/**
 * Lists the running containers.
 *
 * @throws {RuneError} `unavailable` if the Engine does not answer.
 */
export async function listRunningContainers(
  { socket, daemonId, signal }: { socket: string; daemonId: string; signal: AbortSignal },
): Promise<RunningContainer[]> {
  const engine = createEngine(socket);
  try {
    const found = await engine.json("/containers/json", {
      what: "see what still runs",
      schema,
      signal,
      query: { filters: labelFilter({ [LABEL.daemon]: daemonId }, { status: LIVING }) },
    });
    return found.map(({ Names, Labels, Mounts }) => ({
      name: Names[0]?.replace(/^\//, "") ?? "?",
      instance: `${Labels?.[LABEL.namespace] ?? "?"}/${Labels?.[LABEL.instance] ?? "?"}`,
      mounts: (Mounts ?? []).flatMap(({ Source }) => Source === undefined ? [] : [Source]),
    }));
  } finally {
    engine.close();
  }
}
