/**
 * The runefile's section `backup`: when the daemon makes backups of itself, where, of what, and how many
 * stay.
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

/** See the module. Everything else goes with `every`: without it the daemon makes none. */
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
      ctx.addIssue({ code: "custom", path: [key], message: "goes with every only" });
    }
  }
});

/** What the daemon makes backups by; see {@linkcode backupSection}. */
export interface BackupSettings {
  everyMs: number;
  keep: number;
  dir: string;
  withKek: boolean;
  /** `<namespace>/<name>`. */
  volumes: string[];
}

/** The section with its defaults; undefined where no backups are asked for. */
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
