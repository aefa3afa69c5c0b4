/** Init steps: commands that run to completion before the main process, one after another. @module */
import { z } from "zod";
import { durationBetween, LONGEST_WAIT } from "./duration.ts";
import { imageSchema } from "./image_reference.ts";
import { absolutePathSchema, type VolumeMount } from "./mounts.ts";
import { nameSchema } from "./name.ts";

/** Builds the schema of a step from the schemas of the fields that it shares with its service. */
export function makeInitStepSchema<C extends z.ZodType, A extends z.ZodType, E extends z.ZodType>(
  shared: { command: C; args: A; env: E },
) {
  return z.strictObject({
    name: nameSchema,
    /** Default: the service's image. */
    image: imageSchema.optional(),
    command: shared.command,
    args: shared.args.prefault([] as never),
    env: shared.env.prefault({} as never),
    runIf: z.union([
      z.enum(["freshVolume", "always"]),
      z.strictObject({ fileMissing: absolutePathSchema }),
    ], { error: "expected freshVolume, always, or {fileMissing: <path>}" }).default("always"),
    timeout: durationBetween("0s", LONGEST_WAIT).default("5m"),
    restartPolicy: z.enum(["OnFailure", "Never"]).default("OnFailure"),
  });
}

/** One init step of a service. */
export interface InitStep {
  name: string;
  image?: string | undefined;
  command: string[];
  args: string[];
  env: Record<string, string>;
  runIf: "freshVolume" | "always" | { fileMissing: string };
  timeout: string;
  restartPolicy: "OnFailure" | "Never";
}

/** The progress of the init steps of one run. */
export const initProgressSchema = z.object({
  /** The run that they prepare. */
  run: z.number().int(),
  /** Steps that ended well or were not needed, in order. */
  done: z.array(z.string()),
  /** The current step, or the last one that failed, and the number of this attempt, from 1. */
  step: z.string().optional(),
  attempt: z.number().int().optional(),
  /** The attempt timed out and is being stopped. */
  timedOut: z.literal(true).optional(),
  /** The main process was created, so the steps are done. */
  over: z.literal(true).optional(),
});
/** See {@linkcode initProgressSchema}. */
export type InitProgress = z.infer<typeof initProgressSchema>;

/** The runner's name for one attempt at a step: its `RunRef.step`. */
export const stepKey = (name: string, attempt: number): string => `${name}.${attempt}`;

/** Splits a {@linkcode stepKey} into the step's name and the attempt. */
export function parseStepKey(key: string): { name: string; attempt: number } {
  const dot = key.lastIndexOf(".");
  return { name: key.slice(0, dot), attempt: Number(key.slice(dot + 1)) };
}

/**
 * Finds the mount that contains a path of the instance, and the path inside it; undefined if there is none.
 */
export function mountOf<M extends Pick<VolumeMount, "mountPath">>(
  path: string,
  mounts: M[],
): { mount: M; rest: string } | undefined {
  const mount = mounts.find((m) => path === m.mountPath || path.startsWith(`${m.mountPath}/`));
  return mount && { mount, rest: path.slice(mount.mountPath.length + 1) };
}

/** The rules for a service's steps, among themselves and with its mounts. */
export function checkInitSteps(
  spec: { image?: string | undefined; volumes: VolumeMount[]; initSteps: InitStep[] },
  issue: (path: (string | number)[], message: string) => void,
): void {
  const { initSteps, volumes } = spec;
  const names = new Set<string>();
  const writable = volumes.some((mount) => !mount.readOnly);
  initSteps.forEach(({ name, image, runIf }, i) => {
    const at = ["initSteps", i];
    if (names.size === names.add(name).size) {
      issue([...at, "name"], `"${name}" is used by another step of this service`);
    }
    if (image !== undefined && spec.image === undefined) {
      issue([...at, "image"], "the steps of a process service are processes too: expected no image");
    }
    if (runIf === "freshVolume" && !writable) {
      issue([...at, "runIf"], "freshVolume needs a volume that the service mounts read-write");
    }
    if (typeof runIf === "object" && !mountOf(runIf.fileMissing, volumes)?.rest) {
      const known = volumes.slice(0, 8).map((mount) => mount.mountPath).join(", ") || "none";
      issue(
        [...at, "runIf", "fileMissing"],
        `${runIf.fileMissing} is below no volume of this service; mounted: ${known}`,
      );
    }
  });
}
