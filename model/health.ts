/** Probes: how Rune checks whether an instance is alive and whether it is ready. @module */
import { z } from "zod";
import { mapUpTo, textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";
import { wordsSchema } from "./words.ts";

const seconds = (value: number) => z.number().int().min(0).max(86_400).default(value);
const positiveSeconds = (value: number) => z.number().int().min(1).max(86_400).default(value);

const timing = {
  initialDelaySeconds: seconds(0),
  intervalSeconds: positiveSeconds(10),
  timeoutSeconds: positiveSeconds(1),
  failureThreshold: positiveSeconds(3),
  successThreshold: positiveSeconds(1),
};

/** Headers that HTTP can send. */
const headersSchema = mapUpTo(textUpTo(LIMITS.name), textUpTo(LIMITS.header), LIMITS.headers)
  .superRefine((headers, ctx) => {
    for (const [name, value] of Object.entries(headers)) {
      try {
        new Headers([[name, value]]);
      } catch {
        const message =
          "no header can have this name and value: letters, digits and - in the name, one line of ASCII after it";
        ctx.addIssue({ code: "custom", path: [name], message });
      }
    }
  });

/** A port by number, or by its name in `ports`. */
export const portRefSchema = z.union([z.number().int().min(1).max(65_535), textUpTo(LIMITS.name).min(1)], {
  error: "expected a port number (1-65535) or the name of a port",
});

export const probeSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("http"),
    path: textUpTo(LIMITS.url).startsWith("/", "expected a path that starts with /").default("/"),
    port: portRefSchema,
    scheme: z.enum(["http", "https"]).default("http"),
    headers: headersSchema.default({}),
    ...timing,
  }),
  z.strictObject({ type: z.literal("tcp"), port: portRefSchema, ...timing }),
  z.strictObject({
    type: z.literal("exec"),
    command: wordsSchema,
    ...timing,
  }),
]);
export type Probe = z.infer<typeof probeSchema>;

export const healthSchema = z.strictObject({
  /** The other probes wait until this one has passed once in a run. */
  startup: probeSchema.optional(),
  liveness: probeSchema.optional(),
  readiness: probeSchema.optional(),
});
