/** Encodes requests and decodes answers. @module */
import type { z } from "zod";
import { RuneError } from "../../model/error.ts";
import type { RawRequest } from "./connection.ts";
import type { EngineRequest } from "./engine_request.ts";

/** The query of a request, `?…`, or an empty string. */
export function queryOf({ query = {} }: EngineRequest): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length > 0 ? `?${new URLSearchParams(given)}` : "";
}

/** The body of a request, with its headers. */
export function encodeBody({ body, headers = {} }: EngineRequest): Pick<RawRequest, "headers" | "body"> {
  if (body === undefined) return { headers };
  if (body instanceof Uint8Array) {
    return { headers: { ...headers, "content-type": "application/x-tar" }, body };
  }
  const encoded = new TextEncoder().encode(JSON.stringify(body));
  return { headers: { ...headers, "content-type": "application/json" }, body: encoded };
}

/** Reads an answer's whole body, if it has at most `max` bytes. */
export async function readWhole(response: Response, max: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > max) throw new Deno.errors.InvalidData(`the answer is longer than ${max} bytes`);
    parts.push(part);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Parses a complete answer. @throws {RuneError} `internal` if it has another form. */
export function parseAnswer<T>(
  bytes: Uint8Array,
  { what, schema }: { what: string; schema: z.ZodType<T> },
): T {
  let parsed: z.ZodSafeParseResult<T> | undefined;
  let cause: unknown;
  try {
    parsed = schema.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    cause = parsed.error;
  } catch (error) {
    cause = error;
  }
  if (parsed?.success) return parsed.data;
  throw new RuneError("internal", `cannot ${what}: Docker's answer has an unknown form`, {
    cause,
    hint: "report this with the output of docker version",
  });
}
