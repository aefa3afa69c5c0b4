/** ConfigMap: plain key-value data that services read as files or environment variables. @module */
import { z } from "zod";
import { labelsSchema } from "./labels.ts";
import { listUpTo, mapUpTo, textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";
import { nameSchema } from "./name.ts";
import { isReservedKey } from "./body_shape.ts";
import { type Resource, resourceSchema } from "./envelope.ts";

const KEY = /^[A-Za-z0-9._-]{1,253}$/;

/** A data key: a file name without slashes, not `.` or `..`. */
export const dataKeySchema = textUpTo(LIMITS.name).refine(
  (k) => KEY.test(k) && k !== "." && k !== ".." && !isReservedKey(k),
  { error: "expected a key of letters, digits, '.', '_' and '-', at most 253" },
);

/** `data` as a map, or as a list of `{key, value}`. */
export const dataUpTo = ({ keys, value }: { keys: number; value: number }) =>
  z.union([
    mapUpTo(dataKeySchema, textUpTo(value), keys),
    listUpTo(z.strictObject({ key: dataKeySchema, value: textUpTo(value) }), keys).transform((list, ctx) => {
      const data = new Map<string, string>();
      list.forEach(({ key, value }, i) => {
        if (data.has(key)) {
          ctx.addIssue({ code: "custom", path: [i, "key"], message: `duplicate key "${key}"` });
        }
        data.set(key, value);
      });
      return Object.fromEntries(data);
    }),
  ], {
    // The message does not repeat the input, which may be a secret.
    error: ({ input }) =>
      typeof input === "object" && input !== null ? undefined : "expected a map, or a list of {key, value}",
  }).default({});

/** A configmap as a castfile writes it. */
export const configMapBody = z.strictObject({
  name: nameSchema,
  namespace: nameSchema.optional(),
  labels: labelsSchema,
  data: dataUpTo({ keys: LIMITS.configKeys, value: LIMITS.configValue }),
});

export const configMapSpecSchema = z.strictObject({ data: z.record(z.string(), z.string()) });
export const configMapStatusSchema = z.object({});

export type ConfigMapSpec = z.infer<typeof configMapSpecSchema>;
export type ConfigMap = Resource<"configmap", ConfigMapSpec, Record<string, never>>;

export const configMapResource = resourceSchema("configmap", {
  spec: configMapSpecSchema,
  status: configMapStatusSchema,
});
