/** Gradual scaling: how a service stores the request until the daemon has carried it out. @module */
import { z } from "zod";
import { parseDuration } from "./duration.ts";
import { ANNOTATIONS } from "./marks.ts";
import type { Service } from "./service.ts";

const schema = z.object({
  /** The generation that the request made. A later generation overrides it. */
  generation: z.number().int(),
  /** The number of instances before the request, to which a failed step returns. */
  from: z.number().int(),
  step: z.number().int().min(1),
  interval: z.string(),
});

/** The parsed request. */
export interface GradualScale {
  generation: number;
  from: number;
  step: number;
  intervalMs: number;
}

/** The gradual scale in progress; undefined if there is none, or if a later cast or scale replaced it. */
export function gradualScaleOf({ annotations, generation }: Service): GradualScale | undefined {
  const text = annotations[ANNOTATIONS.gradualScale];
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(JSON.parse(text));
  if (!parsed.success || parsed.data.generation !== generation) return undefined;
  const { interval, ...rest } = parsed.data;
  return { ...rest, intervalMs: parseDuration(interval) };
}

/** Formats the annotation's value. */
export function writeGradualScale(scale: z.infer<typeof schema>): string {
  return JSON.stringify(scale);
}
