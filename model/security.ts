/** Privileges and limits of an instance. Every field is enforced, or refused at cast with the reason (SPEC 3). @module */
import { z } from "zod";
import { RuneError } from "./error.ts";
import { LIMITS, listUpTo, textUpTo } from "./limits.ts";
import { bytesSchema, cpuSchema, parseBytes, parseMilliCpu } from "./quantity.ts";

const capability = textUpTo(LIMITS.word).regex(/^(CAP_)?[A-Z_]+$|^ALL$/, {
  error: "expected a capability such as NET_ADMIN or ALL",
}).transform((c) => c.replace(/^CAP_/, ""));

/** A uid or gid that can be given to a process: 2^32-1 means "leave it as it is" to the kernel, and larger numbers wrap (setresuid(2)). */
export const accountIdSchema = z.number().int().min(0).max(4_294_967_294);

/**
 * The uid or gid that a text of digits means: the one reading of it, for those who judge as for those who enforce.
 *
 * @returns undefined for a name.
 * @throws {RuneError} `invalid_argument` for digits that are no id.
 */
export function parseAccountId(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const id = Number(text);
  if (accountIdSchema.safeParse(id).success) return id;
  throw new RuneError("invalid_argument", `${text.slice(0, 20)} is no uid or gid: expected 0 to 4294967294`, {
    hint: "write a smaller number, or a name",
    permanent: true,
  });
}

/** An id as it is written, without zeros before it: `00`, `0x0`, ` 0` and `+0` would be read differently by different readers. */
const isId = (text: string) => /^(0|[1-9]\d*)$/.test(text) && accountIdSchema.safeParse(Number(text)).success;
/** A name begins with a letter or an underscore: what begins with a digit, a sign or a blank may be taken for an id. */
const isAccountName = (text: string) => /^[\p{L}_][^\s:,/\0]*$/u.test(text);

/** Whether a text is a name or an id, or, for containers, two of them as in `1000:1000`. */
function isAccount(text: string): boolean {
  const parts = text.split(":");
  return parts.length <= 2 && parts.every((part) => isId(part) || isAccountName(part));
}

/** A uid or gid, or a name that the host or image knows. */
export const accountSchema = textUpTo(LIMITS.name).min(1).refine(isAccount, {
  error: "expected a name that begins with a letter, or an id from 0 to 4294967294",
});

/** What `securityContext.user` says for a uid and gid that Rune chooses, of the service alone. */
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
  /** Process services: the capabilities kept; all others are dropped. */
  capabilities: listUpTo(capability, LIMITS.capabilities).optional(),
  /** Process services: the whole filesystem read-only, but for mounts. */
  readOnlyFS: z.boolean().optional(),
});
export type SecurityContext = z.infer<typeof securityContextSchema>;

/**
 * Who the processes of a service are on the host, as numbers: resolved once, when the service is written, and then judged,
 * stored and enforced as they are. What the host's names come to mean later changes nothing.
 */
export const hostIdentitySchema = z.strictObject({
  user: accountIdSchema,
  group: accountIdSchema,
  /** Supplementary groups; none when empty. */
  groups: z.array(accountIdSchema).max(256),
});
/** See {@linkcode hostIdentitySchema}. */
export type HostIdentity = z.infer<typeof hostIdentitySchema>;

/** Whether a seccomp profile is a file, and not one of the two words that the Engine knows: read once here, for judge and enforcer. */
export function isProfileFile(profile: string | undefined): profile is string {
  return profile !== undefined && profile !== "unconfined" && profile !== "runtime/default";
}

/** A request and a limit of one kind: nothing is limited to none of it, and nothing asks for more than its limit. */
function amounts<S extends z.ZodType<string>>(quantity: S, parse: (text: string) => number) {
  return z.strictObject({ request: quantity.optional(), limit: quantity.optional() })
    .superRefine(({ request, limit }, ctx) => {
      const issue = (path: string, message: string) =>
        ctx.addIssue({ code: "custom", path: [path], message });
      if (limit === undefined) return;
      if (parse(limit) === 0) issue("limit", `a limit of ${limit} would be none: leave it out for no limit`);
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
