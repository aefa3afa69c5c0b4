/**
 * The runefile's grants: what the services of a namespace may use of the host outside their containers. A
 * caller with `services.privileged` in a namespace may run as root there and needs no grant.
 * @module
 */
import { z } from "zod";
import { absolutePathSchema } from "../../model/mounts.ts";
import { nameSchema } from "../../model/name.ts";
import { accountSchema } from "../../model/security.ts";
import { port } from "../../model/runefile_values.ts";

/** A range of host ports, both ends included. */
export interface PortRange {
  from: number;
  to: number;
}

const RANGE = /^(\d{1,5})(?:\s*-\s*(\d{1,5}))?$/;

const EXPECTED = { error: "expected a port, or a range such as 8000-8100" };
/** `80`, `"80"` or `"8000-8100"`. */
const portRangeSchema = z.union([z.number().int(), z.string().regex(RANGE, EXPECTED)], EXPECTED).transform(
  (value, ctx): PortRange => {
    const [, first, last] = RANGE.exec(String(value)) ?? [];
    const [from, to] = [port.safeParse(first), port.safeParse(last ?? first)];
    if (from.success && to.success && from.data <= to.data) return { from: from.data, to: to.data };
    ctx.addIssue({ code: "custom", message: "expected ports from 1 to 65535, the smaller one first" });
    return z.NEVER;
  },
);

const isRoot = (account: string) => account === "root" || /^0+$/.test(account);

const grantSchema = z.strictObject({
  users: z.array(
    accountSchema.refine((user) => !isRoot(user), {
      error: "root cannot be granted here: give a policy the verb services.privileged instead",
    }),
  ).default([]),
  groups: z.array(accountSchema).default([]),
  hostPaths: z.array(absolutePathSchema).default([]),
  hostPorts: z.array(portRangeSchema).default([]),
  seccompProfiles: z.array(absolutePathSchema).default([]),
});

/** What the services of one namespace may use of the host. */
export type Grant = z.output<typeof grantSchema>;

/** The runefile's `grants`, by namespace; `*` stands for every namespace. */
export const grantsSection = z.record(
  z.union([nameSchema, z.literal("*")], { error: 'expected the name of a namespace, or "*"' }),
  grantSchema,
);
/** See {@linkcode grantsSection}. */
export type Grants = z.output<typeof grantsSection>;

/** The grant of a namespace, merged with the one for every namespace. */
export function grantOf(grants: Grants, namespace: string): Grant {
  const both = ["*", namespace].flatMap((key) => Object.hasOwn(grants, key) ? [grants[key]!] : []);
  const all = <T>(of: (grant: Grant) => T[]) => both.flatMap(of);
  return {
    users: all((g) => g.users),
    groups: all((g) => g.groups),
    hostPaths: all((g) => g.hostPaths),
    hostPorts: all((g) => g.hostPorts),
    seccompProfiles: all((g) => g.seccompProfiles),
  };
}

/** A hint with the line of the runefile that grants one value. */
export function grantHint(namespace: string, kind: keyof Grant, value: string | number): string {
  return `add to /etc/rune/runefile.yaml: grants: { ${namespace}: { ${kind}: [${value}] } }, and reload the daemon; ` +
    `or give the caller the verb services.privileged in namespace ${namespace}`;
}
