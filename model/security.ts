/** Privileges and limits of an instance. A cast is refused if a field cannot be enforced. @module */
import { z } from "zod";
import { RuneError } from "./error.ts";
import { listUpTo, textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";
import { bytesSchema, cpuSchema, parseBytes, parseMilliCpu } from "./quantity.ts";

const capability = textUpTo(LIMITS.word).regex(/^(CAP_)?[A-Z_]+$|^ALL$/, {
  error: "expected a capability such as NET_ADMIN or ALL",
}).transform((c) => c.replace(/^CAP_/, ""));

/**
 * A uid or gid for a process. To the kernel, 2^32-1 means "leave it as it is", and larger numbers wrap
 * (setresuid(2)).
 */
export const accountIdSchema = z.number().int().min(0).max(4_294_967_294);

/**
 * Parses a uid or gid. Checks and enforcement both use this one reading.
 *
 * @returns undefined for a name.
 * @throws {RuneError} `invalid_argument` for digits that are not a valid id.
 */
export function parseAccountId(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const id = Number(text);
  if (accountIdSchema.safeParse(id).success) return id;
  throw new RuneError(
    "invalid_argument",
    `${text.slice(0, 20)} is not a uid or gid: expected 0 to 4294967294`,
    {
      hint: "write a smaller number, or a name",
      permanent: true,
    },
  );
}

/** An id without leading zeros: different programs would read `00`, `0x0`, ` 0` and `+0` differently. */
const isId = (text: string) => /^(0|[1-9]\d*)$/.test(text) && accountIdSchema.safeParse(Number(text)).success;
/**
 * A name begins with a letter or an underscore. Anything that begins with a digit, a sign or a space could be
 * read as an id.
 */
const isAccountName = (text: string) => /^[\p{L}_][^\s:,/\0]*$/u.test(text);

/** Whether a text is a name or an id, or two of them, as containers allow: `1000:1000`. */
function isAccount(text: string): boolean {
  const parts = text.split(":");
  return parts.length <= 2 && parts.every((part) => isId(part) || isAccountName(part));
}

/** A uid or gid, or a name that the host or image knows. */
export const accountSchema = textUpTo(LIMITS.name).min(1).refine(isAccount, {
  error: "expected a name that begins with a letter, or an id from 0 to 4294967294",
});

/** The value of `securityContext.user` for which Rune picks a uid and gid that only this service has. */
export const DYNAMIC_USER = "dynamic";

export const securityContextSchema = z.strictObject({
  user: accountSchema.optional(),
  group: accountSchema.optional(),
  capAdd: listUpTo(capability, LIMITS.capabilities).optional(),
  capDrop: listUpTo(capability, LIMITS.capabilities).optional(),
  privileged: z.boolean().optional(),
  readOnlyRootFilesystem: z.boolean().optional(),
  noNewPrivileges: z.boolean().optional(),
  seccompProfile: textUpTo(LIMITS.path).optional(),
  /** Process services: the capabilities to keep; all others are dropped. */
  capabilities: listUpTo(capability, LIMITS.capabilities).optional(),
  /** Process services: the whole filesystem is read-only, except for mounts. */
  readOnlyFS: z.boolean().optional(),
});
export type SecurityContext = z.infer<typeof securityContextSchema>;

/**
 * The host accounts of a service's processes, as numbers. They are resolved once, when the service is
 * written, and then checked, stored and enforced as they are. Later changes of the host's names have no
 * effect.
 */
export const hostIdentitySchema = z.strictObject({
  user: accountIdSchema,
  group: accountIdSchema,
  /** Supplementary groups; empty for none. */
  groups: z.array(accountIdSchema).max(256),
});
/** See {@linkcode hostIdentitySchema}. */
export type HostIdentity = z.infer<typeof hostIdentitySchema>;

/**
 * Whether a seccomp profile is a file rather than a word that the Engine knows. Checks and enforcement both
 * use this.
 */
export function isProfileFile(profile: string | undefined): profile is string {
  return profile !== undefined && profile !== "unconfined" && profile !== "runtime/default";
}

/** A request and a limit. A limit of zero is refused, and so is a request above the limit. */
function amounts<S extends z.ZodType<string>>(quantity: S, parse: (text: string) => number) {
  return z.strictObject({ request: quantity.optional(), limit: quantity.optional() })
    .superRefine(({ request, limit }, ctx) => {
      const issue = (path: string, message: string) =>
        ctx.addIssue({ code: "custom", path: [path], message });
      if (limit === undefined) return;
      if (parse(limit) === 0) issue("limit", `a limit of ${limit} means no limit: leave it out instead`);
      else if (request !== undefined && parse(request) > parse(limit)) {
        issue("request", `expected at most the limit of ${limit}, found ${request}`);
      }
    });
}

export const resourcesSchema = z.strictObject({
  cpu: amounts(cpuSchema, parseMilliCpu).optional(),
  memory: amounts(bytesSchema, parseBytes).optional(),
});
export type Resources = z.infer<typeof resourcesSchema>;
