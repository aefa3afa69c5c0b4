/** What an image declares, read from the Engine. @module */
import { posix } from "node:path";
import { z } from "zod";
import type { ImageFacts, ImageHealthcheck } from "../image_facts.ts";
import type { Engine } from "./engine.ts";
import { assertReference } from "./images.ts";

const listSchema = z.array(z.string()).nullish().transform((list) => list ?? []);
/** Docker's defaults. It writes 0 if an image does not set a value. */
const DEFAULTS = { intervalMs: 30_000, timeoutMs: 30_000, retries: 3 };

/** This machine's processor architecture, as images name it. */
const OWN = { x86_64: "amd64", aarch64: "arm64" }[Deno.build.arch];

const imageSchema = z.object({
  Id: z.string(),
  Architecture: z.string().nullish(),
  Config: z.object({
    Volumes: z.record(z.string(), z.unknown()).nullish(),
    User: z.string().nullish(),
    StopSignal: z.string().nullish(),
    Env: listSchema,
    Entrypoint: listSchema,
    Cmd: listSchema,
    Healthcheck: z.object({
      Test: listSchema,
      Interval: z.number().nullish(),
      Timeout: z.number().nullish(),
      StartPeriod: z.number().nullish(),
      Retries: z.number().nullish(),
    }).nullish(),
    Shell: listSchema,
  }).nullish(),
});
type Healthcheck = NonNullable<NonNullable<z.infer<typeof imageSchema>["Config"]>["Healthcheck"]>;

/** See {@linkcode import("../runner.ts").Runner.describeImage}. */
export async function describeImage(engine: Engine, image: string, signal: AbortSignal): Promise<ImageFacts> {
  assertReference(image);
  const what = `look at image ${image}`;
  const { Id: id, Architecture, Config } = await engine.json(`/images/${image}/json`, {
    what,
    schema: imageSchema,
    signal,
  });
  const healthcheck = Config?.Healthcheck && healthcheckOf(Config.Healthcheck, Config.Shell);
  return {
    id,
    ...(Architecture && Architecture !== OWN && { foreign: Architecture }),
    volumes: [...new Set(Object.keys(Config?.Volumes ?? {}).map(cleanPath))].sort(),
    ...(Config?.User && { user: Config.User }),
    ...(healthcheck && { healthcheck }),
    ...(Config?.StopSignal && { stopSignal: Config.StopSignal }),
    env: Object.fromEntries((Config?.Env ?? []).map(pairOf)),
    entrypoint: Config?.Entrypoint ?? [],
    command: Config?.Cmd ?? [],
  };
}

/** Cleans a path as the Engine does: relative paths start at the root, and a trailing slash is dropped. */
function cleanPath(path: string): string {
  const whole = posix.normalize(`/${path}`);
  return whole.length > 1 ? whole.replace(/\/$/, "") : whole;
}

function pairOf(entry: string): [string, string] {
  const at = entry.indexOf("=");
  return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
}

function healthcheckOf({ Test: test, ...times }: Healthcheck, shell: string[]): ImageHealthcheck | undefined {
  const command = commandOf(test, shell);
  return command && {
    command,
    intervalMs: milliseconds(times.Interval) || DEFAULTS.intervalMs,
    timeoutMs: milliseconds(times.Timeout) || DEFAULTS.timeoutMs,
    startPeriodMs: milliseconds(times.StartPeriod),
    retries: times.Retries || DEFAULTS.retries,
  };
}

function commandOf([form, ...words]: string[], shell: string[]): string[] | undefined {
  if (words.length === 0) return undefined;
  if (form === "CMD") return words;
  return form === "CMD-SHELL" ? [...(shell.length > 0 ? shell : ["/bin/sh", "-c"]), words[0]!] : undefined;
}

/** The Engine uses nanoseconds. */
const milliseconds = (nanoseconds: number | null | undefined) => Math.round((nanoseconds ?? 0) / 1e6);
