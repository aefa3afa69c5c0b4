/** A scale that is reached step by step: how the request is kept on the service until the daemon has carried it out. @module */
import { z } from "zod";
import { parseDuration } from "./duration.ts";
import { ANNOTATIONS } from "./marks.ts";
import type { Service } from "./service.ts";

const schema = z.object({
  /** The generation that the request made: a later one overrides it. */
  generation: z.number().int(),
  /** Instances before the request, and what a failed step returns to. */
  from: z.number().int(),
  step: z.number().int().min(1),
  interval: z.string(),
});

/** See the schema; `intervalMs` in milliseconds. */
export interface GradualScale {
  generation: number;
  from: number;
  step: number;
  intervalMs: number;
}

/** The gradual scale under way, or undefined: there is none, or a cast or another scale came after it. */
export function gradualScaleOf({ annotations, generation }: Service): GradualScale | undefined {
  const text = annotations[ANNOTATIONS.gradualScale];
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(JSON.parse(text));
  if (!parsed.success || parsed.data.generation !== generation) return undefined;
  const { interval, ...rest } = parsed.data;
  return { ...rest, intervalMs: parseDuration(interval) };
}

/** The value of the annotation. */
export function writeGradualScale(scale: z.infer<typeof schema>): string {
  return JSON.stringify(scale);
}
