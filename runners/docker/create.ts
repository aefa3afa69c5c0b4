/** Creates the container of a run, or finds an existing one. @module */
import { z } from "zod";
import { RuneError } from "../../model/error.ts";
import type { RunSpec, RunState } from "../runner.ts";
import { isProfileFile } from "../../model/security.ts";
import { containerConfig } from "./container_config.ts";
import { containerSchema, stateOf } from "./container_state.ts";
import { type Engine, unlessAbsent } from "./engine.ts";
import { containerName, LABEL } from "./labels.ts";
import { BUSY, sleepQuietly } from "./busy.ts";
import { refusalOf } from "./refusals.ts";

const createdSchema = z.object({ Id: z.string() });

/**
 * Creates the container of a run. Its network must exist.
 *
 * @returns its state, and whether this call created it.
 * @throws {RuneError} `invalid_argument` if the Engine refuses the spec; `not_found` if the image is missing;
 * `failed_precondition` (not permanent) if the source of a mount is missing; `conflict` if another container
 * has the name.
 */
export async function createContainer(
  engine: Engine,
  spec: RunSpec,
  options: { daemonId: string; publishOn?: string; signal: AbortSignal },
): Promise<{ state: RunState; created: boolean }> {
  const { daemonId, publishOn, signal } = options;
  const what = `make a container for ${spec.namespace}/${spec.instance}`;
  const name = containerName(spec, daemonId);
  const body = containerConfig(spec, { daemonId, publishOn, seccomp: await readProfile(spec) });
  for (let attempt = 1;; attempt++) {
    try {
      const { Id } = await engine.json("/containers/create", {
        what,
        schema: createdSchema,
        method: "POST",
        query: { name },
        body,
        signal,
      });
      return { state: createdState(spec, Id), created: true };
    } catch (error) {
      if (!(error instanceof RuneError) || error.code !== "conflict") throw await explain(error, spec);
      const path = `/containers/${name}/json`;
      const found = await unlessAbsent(engine.json(path, { what, schema: containerSchema, signal }));
      if (found) {
        if (!isOf(found.Config.Labels, spec, daemonId)) throw refusalOf(error.message, error) ?? error;
        return { state: stateOf(found, { ref: spec, daemonId }), created: false };
      }
      // A name is in use shortly before its container is visible, and shortly after its removal.
      if (attempt === BUSY.times) throw error;
      await sleepQuietly(BUSY.everyMs, signal);
    }
  }
}

function createdState(spec: RunSpec, handle: string): RunState {
  const { instanceUid, run, step, namespace, service, instance } = spec;
  const ref = { instanceUid, run, ...(step !== undefined && { step }) };
  return { ...ref, state: "created", namespace, service, instance, handle };
}

function isOf(labels: Record<string, string>, spec: RunSpec, daemonId: string): boolean {
  return labels[LABEL.daemon] === daemonId && labels[LABEL.instanceUid] === spec.instanceUid &&
    labels[LABEL.run] === String(spec.run) && labels[LABEL.step] === spec.step;
}

/** The contents of the seccomp profile if the spec names a file, since the Engine takes no path. */
async function readProfile(spec: RunSpec): Promise<string | undefined> {
  const profile = spec.securityContext?.seccompProfile;
  if (!isProfileFile(profile)) return undefined;
  try {
    return JSON.stringify(JSON.parse(await Deno.readTextFile(profile)));
  } catch (cause) {
    throw new RuneError("failed_precondition", `cannot read the seccomp profile ${profile}`, {
      cause,
      permanent: false,
      hint: "name a file of JSON on the daemon's host, runtime/default, or unconfined",
    });
  }
}

/** The Engine's refusal with a hint. A missing mount source has its own error, because it may come back. */
async function explain(error: unknown, spec: RunSpec): Promise<unknown> {
  if (!(error instanceof RuneError)) return error;
  if (error.code === "not_found") {
    return new RuneError("not_found", `image ${spec.image} is not on this host`, {
      cause: error,
      hint: "load it (docker load, docker build), or let it be pulled: imagePull missing",
    });
  }
  if (error.code !== "invalid_argument") return refusalOf(error.message, error) ?? error;
  for (const { source, target } of spec.mounts) {
    if (await isMissing(source)) {
      return new RuneError("failed_precondition", `${source}, to be mounted at ${target}, does not exist`, {
        cause: error,
        permanent: false,
        hint: "see whether its volume is mounted (rune get volumes)",
      });
    }
  }
  return refusalOf(error.message, error) ?? new RuneError("invalid_argument", error.message, {
    cause: error,
    hint: "correct the service's spec and cast it again",
  });
}

async function isMissing(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}
