/**
 * Grants: what the callers of a namespace may do to the host beyond their own containers, as the runefile says it. Whoever holds
 * `services.privileged` in a namespace may be root there and needs none.
 * @module
 */
import { z } from "zod";
import { absolutePathSchema } from "../../model/mounts.ts";
import { nameSchema } from "../../model/name.ts";
import { accountSchema } from "../../model/security.ts";
import { port } from "../../model/runefile_values.ts";

/** Ports of the host, both ends included. */
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
      error: "root is not granted here: give a policy the verb services.privileged",
    }),
  ).default([]),
  groups: z.array(accountSchema).default([]),
  hostPaths: z.array(absolutePathSchema).default([]),
  hostPorts: z.array(portRangeSchema).default([]),
  seccompProfiles: z.array(absolutePathSchema).default([]),
});

/** What the callers of one namespace may use of the host. */
export type Grant = z.output<typeof grantSchema>;

/** The runefile's `grants`: by namespace, `*` for every one. */
export const grantsSection = z.record(
  z.union([nameSchema, z.literal("*")], { error: 'expected the name of a namespace, or "*"' }),
  grantSchema,
);
/** See {@linkcode grantsSection}. */
export type Grants = z.output<typeof grantsSection>;

/** What a namespace is granted: its own and that of every one. */
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

/** The line of the runefile that grants one thing, for hints. */
export function grantHint(namespace: string, kind: keyof Grant, value: string | number): string {
  return `add to /etc/rune/runefile.yaml: grants: { ${namespace}: { ${kind}: [${value}] } }, and reload the daemon; ` +
    `or give the caller the verb services.privileged in namespace ${namespace}`;
}
