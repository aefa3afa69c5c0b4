/** Pulls images: expands short references as Docker does, and applies the pull policy. @module */
import { z } from "zod";
import { RuneError } from "../../model/error.ts";
import type { PullOptions } from "../runner.ts";
import { type Engine, transportError, unlessAbsent } from "./engine.ts";
import { jsonLines, TOO_LONG } from "./json_lines.ts";
import { createPullMeter, layerSchema } from "./pull_meter.ts";
import { authHeader, type RegistryAuth, repositoryOf } from "./registry_auth.ts";

/** How long a pull may be silent, in milliseconds. Unpacking a large layer may take that long. */
const SILENT_MS = 10 * 60_000;

const progressSchema = layerSchema.extend({
  errorDetail: z.object({ message: z.string() }).optional(),
  error: z.string().optional(),
});

/**
 * The characters of a reference; the Engine checks the rest. So a reference cannot leave its part of a URL's
 * path.
 */
const REFERENCE = /^[A-Za-z0-9][\w.:@-]*(\/[A-Za-z0-9][\w.:@-]*)*$/;

/** @throws {RuneError} `invalid_argument` if it is not a reference. */
export function assertReference(image: string): void {
  if (REFERENCE.test(image)) return;
  throw new RuneError("invalid_argument", `"${image}" is not an image reference`, {
    hint: "write [registry/]name[:tag][@digest], such as nginx:1.27 or ghcr.io/owner/app:2",
  });
}

/** Splits an image reference for a pull. The tag is a digest if the reference has one. */
export function parseImage(image: string): { name: string; tag: string } {
  const digest = image.indexOf("@");
  if (digest >= 0) return { name: image.slice(0, digest), tag: image.slice(digest + 1) };
  // A colon before the last slash belongs to the registry's port.
  const colon = image.indexOf(":", image.lastIndexOf("/") + 1);
  return colon < 0
    ? { name: image, tag: "latest" }
    : { name: image.slice(0, colon), tag: image.slice(colon + 1) };
}

/**
 * Finds the credentials for a repository, `docker.io/library/nginx`; undefined for an anonymous pull.
 *
 * @throws {RuneError} if the credentials exist but cannot be read.
 */
export type AuthFor = (repository: string) => Promise<RegistryAuth | undefined>;

/** See {@linkcode import("../runner.ts").Runner.pull}. */
export async function pullImage(
  engine: Engine,
  image: string,
  options: PullOptions & { authFor?: AuthFor },
): Promise<void> {
  const { policy, signal } = options;
  assertReference(image);
  if (policy !== "always") {
    if (await isPresent(engine, image, signal)) return;
    if (policy === "never") {
      throw new RuneError("not_found", `image ${image} is not on this host, and imagePull is never`, {
        hint: "load it (docker load, docker build), or set imagePull to missing",
      });
    }
  }
  await pull(engine, image, options);
}

async function isPresent(engine: Engine, image: string, signal: AbortSignal): Promise<boolean> {
  const what = `look for image ${image}`;
  return await unlessAbsent(engine.json(`/images/${image}/json`, { what, schema: z.object({}), signal })) !==
    undefined;
}

async function pull(
  engine: Engine,
  image: string,
  { signal, onProgress, authFor }: PullOptions & { authFor?: AuthFor },
): Promise<void> {
  const what = `pull image ${image}`;
  const { name, tag } = parseImage(image);
  const auth = await authFor?.(repositoryOf(name));
  const meter = createPullMeter(image);
  let failure: string | undefined;
  try {
    const response = await engine.request("/images/create", {
      what,
      method: "POST",
      query: { fromImage: name, tag },
      ...(auth && { headers: { "x-registry-auth": authHeader(auth) } }),
      signal,
      withinMs: SILENT_MS,
      idleMs: SILENT_MS,
    });
    // The status is sent before the pull; the last lines say how it ended.
    for await (const line of jsonLines(response.body!)) {
      if (line === TOO_LONG) continue;
      const { errorDetail, error, ...layer } = progressSchema.parse(line);
      failure ??= errorDetail?.message ?? error;
      const text = meter.take(layer);
      if (text !== undefined) onProgress?.(text);
    }
  } catch (error) {
    // Refusals of a registry come with every status, even 500.
    const known = error instanceof RuneError && error.code !== "unavailable" &&
      error.code !== "deadline_exceeded";
    if (!known || error.code === "invalid_argument") {
      throw transportError(error, { what, signal, socket: engine.socket });
    }
    throw pullError(error.message, { auth, cause: error });
  }
  if (failure !== undefined) throw pullError(`cannot ${what}: ${failure}`, { auth });
}

/** The Engine's message if the registry did not answer, or is temporarily unable to. */
const AWAY =
  /\bdial tcp|connection (refused|reset)|no such host|i\/o timeout|handshake timeout|deadline exceeded|Client\.Timeout|network is unreachable|no route to host|server misbehaving|name resolution|\bEOF\b|proxyconnect|broken pipe|request canceled|HTTP status:? (429|5\d\d)|too ?many ?requests|50[234] (Bad Gateway|Service Unavailable|Gateway Time-?out)/i;

/** Whether a message about a pull says that the registry is unreachable. */
export const saysAway = (sentence: string): boolean => AWAY.test(sentence);

/**
 * Removes the source address of a connection. It differs each time, and the same failure must have the same
 * message.
 */
const withoutSource = (sentence: string) =>
  sentence.replaceAll(/\b(read|write|dial) (tcp|udp) [^\s>]+->/g, "$1 $2 ");

function pullError(
  message: string,
  { auth, cause }: { auth: RegistryAuth | undefined; cause?: unknown },
): RuneError {
  if (saysAway(message)) {
    return new RuneError("failed_precondition", `the registry does not answer: ${withoutSource(message)}`, {
      cause,
      permanent: false,
      hint: "Rune goes on trying; see whether the registry runs and this host reaches it",
    });
  }
  const who = auth === undefined
    ? "that the image is public or that rune admin registry list shows its registry"
    : `that the credentials of ${auth.entry} may read it`;
  return new RuneError("not_found", message, {
    cause,
    hint: `check the image's name and tag, and ${who}`,
  });
}
