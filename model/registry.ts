/**
 * Image registries: which credentials belong to which pattern of repositories. Entries come from the
 * runefile's `docker.registries` and from `/v1/admin/registries`; castfiles cannot contain them.
 * @module
 */
import { z } from "zod";
import { secretRefSchema } from "./reference.ts";
import type { Resource } from "./envelope.ts";

const PATTERN = /^[A-Za-z0-9*][A-Za-z0-9.*-]*(:\d+)?(\/[A-Za-z0-9*._-]+)*$/;

/** A registry, optionally with the start of a path. `*` stands for any text within a part. */
export const registryPattern = z.string().max(255).refine((text) => PATTERN.test(text), {
  error: ({ input }) => `"${input}" is not a registry such as ghcr.io, ghcr.io/owner/* or *.example.com:5000`,
});

/** The credentials of an entry: inline, or in a Rune secret. */
export interface RegistryCredentials {
  username?: string;
  password?: string;
  /** A bearer token, instead of a name and password. */
  token?: string;
  /** `name.namespace.rune` of a secret with the keys `username` and `password`, or `token`. */
  secret?: string;
}

/** What is wrong with the credentials; undefined if there is exactly one complete kind. */
export function credentialsIssue(
  { username, password, token, secret }: RegistryCredentials,
): string | undefined {
  const basic = username !== undefined || password !== undefined;
  if ([basic, token !== undefined, secret !== undefined].filter(Boolean).length !== 1) {
    return "expected either username and password, or token, or secret";
  }
  if (basic && (username === undefined || password === undefined)) {
    return "expected username and password together";
  }
}

const value = z.string().min(1).max(16 * 1024);

/**
 * `PUT /v1/admin/registries`: the entry of a pattern. A secret without a namespace is looked up in `default`.
 */
export const registryBody = z.strictObject({
  match: registryPattern,
  secret: secretRefSchema.optional(),
  username: value.optional(),
  password: value.optional(),
  token: value.optional(),
}).superRefine((body, ctx) => {
  const message = credentialsIssue(body);
  if (message !== undefined) ctx.addIssue({ code: "custom", message });
});
/** See {@linkcode registryBody}. */
export type RegistryBody = z.output<typeof registryBody>;

const CREDENTIALS = ["basic", "token", "secret"] as const;

/** An entry as stored, under its pattern. Its own credentials are encrypted and stored separately. */
export interface RegistrySpec {
  credentials: typeof CREDENTIALS[number];
  /** With `credentials: secret`. */
  secret?: { namespace: string; name: string };
}
/** See {@linkcode RegistrySpec}. */
export type Registry = Resource<"registry", RegistrySpec, Record<string, never>>;

/** An entry as the API shows it, without its credentials. */
export const registryView = z.object({
  match: z.string(),
  source: z.enum(["runefile", "stored"]),
  credentials: z.enum(CREDENTIALS),
  /** With `credentials: secret`: `namespace/name`. */
  secret: z.string().optional(),
});
export type RegistryView = z.infer<typeof registryView>;
