/** Init steps: commands that run to their end before the main process, one after the other (SPEC 3). @module */
import { z } from "zod";
import { durationBetween, LONGEST_WAIT } from "./duration.ts";
import { imageSchema } from "./image_reference.ts";
import { absolutePathSchema, type VolumeMount } from "./mounts.ts";
import { nameSchema } from "./name.ts";

/** The schema of a step, from those of the fields that a step shares with its service. */
export function makeInitStepSchema<C extends z.ZodType, A extends z.ZodType, E extends z.ZodType>(
  shared: { command: C; args: A; env: E },
) {
  return z.strictObject({
    name: nameSchema,
    /** The service's image when omitted. */
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

/** How far the init steps of one run have come. */
export const initProgressSchema = z.object({
  /** The run that they prepare. */
  run: z.number().int(),
  /** Steps that ended well or were not needed, in order. */
  done: z.array(z.string()),
  /** The step under way, or the one that failed last, and which attempt at it that is, from 1. */
  step: z.string().optional(),
  attempt: z.number().int().optional(),
  /** The attempt ran out of time and is being stopped. */
  timedOut: z.literal(true).optional(),
  /** The main process was made: the steps belong to the past. */
  over: z.literal(true).optional(),
});
/** See {@linkcode initProgressSchema}. */
export type InitProgress = z.infer<typeof initProgressSchema>;

/** How a runner knows one attempt at a step: its `RunRef.step`. */
export const stepKey = (name: string, attempt: number): string => `${name}.${attempt}`;

/** The step's name and the attempt, from {@linkcode stepKey}. */
export function parseStepKey(key: string): { name: string; attempt: number } {
  const dot = key.lastIndexOf(".");
  return { name: key.slice(0, dot), attempt: Number(key.slice(dot + 1)) };
}

/** The mount below which a path of the instance lies, and where in it; undefined when below none. */
export function mountOf<M extends Pick<VolumeMount, "mountPath">>(
  path: string,
  mounts: M[],
): { mount: M; rest: string } | undefined {
  const mount = mounts.find((m) => path === m.mountPath || path.startsWith(`${m.mountPath}/`));
  return mount && { mount, rest: path.slice(mount.mountPath.length + 1) };
}

/** The rules that a service's steps keep among themselves and with its mounts. */
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
        `${runIf.fileMissing} lies below no volume of this service; mounted: ${known}`,
      );
    }
  });
}
