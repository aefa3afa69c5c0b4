/**
 * How a service records which existing data its claim templates may name; see `drivers/named_data.ts`.
 * @module
 */
import { z } from "zod";
import { ANNOTATIONS } from "./marks.ts";
import type { Service } from "./service.ts";

const schema = z.record(z.string(), z.string());

/** The record for the template of a mount; undefined if it may name no data. */
export function readNamedData({ annotations }: Pick<Service, "annotations">, mount: string) {
  const text = annotations[ANNOTATIONS.namedData];
  const parsed = text === undefined ? undefined : schema.safeParse(JSON.parse(text)).data;
  return parsed && Object.hasOwn(parsed, mount) ? parsed[mount] : undefined;
}

/** Formats the annotation's value from the records by mount. */
export function writeNamedData(records: z.infer<typeof schema>): string {
  return JSON.stringify(records);
}
