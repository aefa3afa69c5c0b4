/**
 * The runefile's section `backup`: schedule, directory, contents and retention of scheduled backups.
 * @module
 */
import { z } from "zod";
import { durationBetween, parseDuration } from "../../model/duration.ts";
import { argumentText } from "../../model/bounded.ts";
import { absolutePathSchema } from "../../model/mounts.ts";
import { isName } from "../../model/name.ts";
import { count, flag } from "../../model/runefile_values.ts";

const volumeKey = z.string().refine((text) => {
  const parts = text.split("/");
  return parts.length === 2 && parts.every(isName);
}, { error: "expected <namespace>/<name> of a volume" });

/** The schema of the section. Without `every` there are no backups, and no other key is accepted. */
export const backupSection = z.strictObject({
  every: argumentText.pipe(durationBetween("1m", "366d")).optional(),
  keep: count.pipe(z.number().max(1000)).optional(),
  dir: absolutePathSchema.optional(),
  withKek: flag.optional(),
  withVolumes: z.array(volumeKey).optional(),
}).superRefine(({ every, ...others }, ctx) => {
  if (every !== undefined && others.dir === undefined) {
    ctx.addIssue({
      code: "custom",
      path: ["dir"],
      message: "required with every: a directory on another disk",
    });
  }
  for (const [key, value] of Object.entries(others)) {
    if (every === undefined && value !== undefined) {
      ctx.addIssue({ code: "custom", path: [key], message: "requires every" });
    }
  }
});

/** Settings of scheduled backups; see {@linkcode backupSection}. */
export interface BackupSettings {
  everyMs: number;
  keep: number;
  dir: string;
  withKek: boolean;
  /** `<namespace>/<name>`. */
  volumes: string[];
}

/** The section with its defaults; undefined if backups are off. */
export function backupSettings(
  { every, keep, dir, withKek, withVolumes }: z.output<typeof backupSection>,
): BackupSettings | undefined {
  if (every === undefined) return undefined;
  return {
    everyMs: parseDuration(every),
    keep: keep ?? 7,
    dir: dir!,
    withKek: withKek ?? false,
    volumes: withVolumes ?? [],
  };
}
