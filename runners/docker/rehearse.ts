/**
 * Checks what the Engine would refuse, before anything is stopped: creates a container, inspects it and
 * removes it.
 * @module
 */
import { resolve } from "node:path/posix";
import { z } from "zod";
import { RuneError } from "../../model/error.ts";
import type { RunSpec } from "../runner.ts";
import { createContainer } from "./create.ts";
import { type Engine, unlessAbsent } from "./engine.ts";
import { removeContainer } from "./lifecycle.ts";

/** The step of the test container. Init steps have a number, so none has this name. */
export const REHEARSAL = "rehearsal";

/** The Engine's default search path for programs, if neither image nor service sets one. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const containerSchema = z.object({
  Path: z.string(),
  Config: z.object({ Env: z.array(z.string()).nullish(), WorkingDir: z.string().optional() }),
});

/** Options of a rehearsal. */
export interface RehearseOptions {
  daemonId: string;
  publishOn?: string;
  /** Directories that mounts will cover. */
  covered: string[];
  signal: AbortSignal;
}

/**
 * See {@linkcode import("../runner.ts").Runner.rehearse}.
 *
 * @throws {RuneError} as {@linkcode createContainer} does; `not_found` (permanent) if the image does not have
 * the program.
 */
export async function rehearseContainer(
  engine: Engine,
  spec: RunSpec,
  { covered, ...options }: RehearseOptions,
): Promise<void> {
  const { state } = await createContainer(engine, { ...spec, step: REHEARSAL, aliases: [] }, options);
  const id = state.handle!;
  try {
    await checkProgram(engine, { id, image: spec.image!, covered, signal: options.signal });
  } finally {
    // Even if the caller has left, since nobody would look for the container later.
    await removeContainer(engine, id, { keepVolumes: false, signal: AbortSignal.timeout(60_000) });
  }
}

async function checkProgram(
  engine: Engine,
  { id, image, covered, signal }: { id: string; image: string; covered: string[]; signal: AbortSignal },
): Promise<void> {
  const what = `look into image ${image}`;
  const container = await engine.json(`/containers/${id}/json`, { what, schema: containerSchema, signal });
  const { Env, WorkingDir } = container.Config;
  const path = Env?.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? DEFAULT_PATH;
  const files = candidates(container.Path, { path, workdir: WorkingDir || "/" });
  if (files.some((file) => covered.some((mount) => isWithin(file, mount)))) return;
  for (const file of files) {
    if (await hasFile(engine, { id, file, signal })) return;
  }
  throw new RuneError("not_found", `image ${image} has no program "${container.Path}"`, {
    permanent: true,
    hint: container.Path.includes(" ")
      ? "write the command as a list of words"
      : "correct the service's command, or use an image that has it",
  });
}

/** The paths at which the Engine looks for a program. */
function candidates(program: string, { path, workdir }: { path: string; workdir: string }): string[] {
  const directories = program.includes("/") ? [""] : path.split(":");
  return directories.map((directory) => resolve(workdir, directory, program));
}

const isWithin = (file: string, directory: string) => file === directory || file.startsWith(`${directory}/`);

async function hasFile(
  engine: Engine,
  { id, file, signal }: { id: string; file: string; signal: AbortSignal },
): Promise<boolean> {
  const what = `look for ${file} in a container`;
  const request = { what, query: { path: file }, signal };
  const found = await unlessAbsent(engine.request(`/containers/${id}/archive`, request));
  // The archive contains the file, which may be large. Only its existence matters.
  await found?.body?.cancel();
  return found !== undefined;
}
