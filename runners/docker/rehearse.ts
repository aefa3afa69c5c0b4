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

/** What marks the container; no init step is named so, as those carry a number. */
export const REHEARSAL = "rehearsal";

/** Where the Engine looks for programs when neither image nor service says. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const madeSchema = z.object({
  Path: z.string(),
  Config: z.object({ Env: z.array(z.string()).nullish(), WorkingDir: z.string().optional() }),
});

/** How a rehearsal is done. */
export interface RehearseOptions {
  daemonId: string;
  publishOn?: string;
  /** Directories that will be mounts. */
  covered: string[];
  signal: AbortSignal;
}

/**
 * See {@linkcode import("../runner.ts").Runner.rehearse}.
 *
 * @throws {RuneError} as {@linkcode createContainer} does; `not_found` (permanent) for a program that the
 * image does not have.
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
    // Also when the caller has gone: what stays would have to be looked for.
    await removeContainer(engine, id, { keepVolumes: false, signal: AbortSignal.timeout(60_000) });
  }
}

async function checkProgram(
  engine: Engine,
  { id, image, covered, signal }: { id: string; image: string; covered: string[]; signal: AbortSignal },
): Promise<void> {
  const what = `look into image ${image}`;
  const made = await engine.json(`/containers/${id}/json`, { what, schema: madeSchema, signal });
  const { Env, WorkingDir } = made.Config;
  const path = Env?.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? DEFAULT_PATH;
  const files = candidates(made.Path, { path, workdir: WorkingDir || "/" });
  if (files.some((file) => covered.some((mount) => isWithin(file, mount)))) return;
  for (const file of files) {
    if (await hasFile(engine, { id, file, signal })) return;
  }
  throw new RuneError("not_found", `image ${image} has no program "${made.Path}"`, {
    permanent: true,
    hint: made.Path.includes(" ")
      ? "write the command as a list of words"
      : "correct the service's command, or use an image that has it",
  });
}

/** Where a program may lie, as the Engine looks for it. */
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
  // It begins with the file itself, which may be large: that it is there is all that is asked.
  await found?.body?.cancel();
  return found !== undefined;
}
