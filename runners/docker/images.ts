/** Making images present: short references as Docker reads them, and the pull policy. @module */
import { z } from "zod";
import { RuneError } from "../../spec/error.ts";
import type { PullPolicy } from "../runner.ts";
import { type Engine, transportError, unlessAbsent } from "./engine.ts";
import { jsonLines } from "./json_lines.ts";

const progressSchema = z.object({
  errorDetail: z.object({ message: z.string() }).optional(),
  error: z.string().optional(),
});

/** What may stand in a reference; the Engine judges the rest. It keeps the reference inside its part of a URL's path. */
const REFERENCE = /^[A-Za-z0-9][\w.:@-]*(\/[A-Za-z0-9][\w.:@-]*)*$/;

/** An image reference in the two parts that a pull takes: the tag is a digest where the reference has one. */
export function parseImage(image: string): { name: string; tag: string } {
  const digest = image.indexOf("@");
  if (digest >= 0) return { name: image.slice(0, digest), tag: image.slice(digest + 1) };
  // A colon before the last slash belongs to the registry's port.
  const colon = image.indexOf(":", image.lastIndexOf("/") + 1);
  return colon < 0
    ? { name: image, tag: "latest" }
    : { name: image.slice(0, colon), tag: image.slice(colon + 1) };
}

/** See {@linkcode import("../runner.ts").Runner.pull}. */
export async function pullImage(
  engine: Engine,
  image: string,
  options: { policy: PullPolicy; signal: AbortSignal },
): Promise<void> {
  const { policy, signal } = options;
  if (!REFERENCE.test(image)) {
    throw new RuneError("invalid_argument", `"${image}" is not an image reference`, {
      hint: "write [registry/]name[:tag][@digest], such as nginx:1.27 or ghcr.io/owner/app:2",
    });
  }
  if (policy !== "always") {
    if (await isPresent(engine, image, signal)) return;
    if (policy === "never") {
      throw new RuneError("not_found", `image ${image} is not on this host, and imagePull is never`, {
        hint: "load it (docker load, docker build), or set imagePull to missing",
      });
    }
  }
  await pull(engine, image, signal);
}

async function isPresent(engine: Engine, image: string, signal: AbortSignal): Promise<boolean> {
  const what = `look for image ${image}`;
  return await unlessAbsent(engine.json(`/images/${image}/json`, { what, schema: z.object({}), signal })) !==
    undefined;
}

async function pull(engine: Engine, image: string, signal: AbortSignal): Promise<void> {
  const what = `pull image ${image}`;
  const { name, tag } = parseImage(image);
  let failure: string | undefined;
  try {
    const response = await engine.request("/images/create", {
      what,
      method: "POST",
      query: { fromImage: name, tag },
      signal,
    });
    // The status is sent before the pull: what comes of it is in the last lines.
    for await (const line of jsonLines(response.body!)) {
      const { errorDetail, error } = progressSchema.parse(line);
      failure ??= errorDetail?.message ?? error;
    }
  } catch (error) {
    // Refusals of the registry come in every status, 500 included.
    const known = error instanceof RuneError && error.code !== "unavailable" &&
      error.code !== "deadline_exceeded";
    if (!known || error.code === "invalid_argument") {
      throw transportError(error, { what, signal, socket: engine.socket });
    }
    throw unreachable(error.message, error);
  }
  if (failure !== undefined) throw unreachable(`cannot ${what}: ${failure}`);
}

function unreachable(message: string, cause?: unknown): RuneError {
  return new RuneError("not_found", message, {
    cause,
    hint:
      "check the image's name and tag, that this host reaches the registry, and that the image is public or docker login was done",
  });
}
