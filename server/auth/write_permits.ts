/**
 * What writing one declaration takes: the right to create or change it, the extra rights for what is dangerous, and the right
 * to whatever it reaches for in other namespaces, which would else be a way around every rule of theirs.
 * @module
 */
import { BODIES, type Declared } from "../../model/declared.ts";
import { RuneError } from "../../model/error.ts";
import type { RuleResource, Verb } from "../../model/identity.ts";
import { KINDS } from "../../model/resource.ts";
import { findReaches } from "../../model/reference.ts";
import type { HostIdentity } from "../../model/security.ts";
import type { AnyResource, ResourceKey } from "../../model/resource.ts";
import type { Reader } from "../../store/store.ts";
import { grantHint } from "./grants.ts";
import type { Ask } from "./authority.ts";
import { type HostRights, hostWants, isPrivileged } from "./host_rights.ts";
import type { Principal } from "./principal.ts";

/** Who writes. */
export type Writer = Pick<Principal, "may" | "permit"> & Partial<Pick<Principal, "name">>;

/** One write to be judged. */
export interface Write {
  declared: Declared;
  /** What is stored now. */
  before: AnyResource | undefined;
  /** Of a service: what it may take of the host, and who its processes are there, as numbers. */
  host?: { rights: HostRights; identity?: HostIdentity };
  /** Of an action that changes a single field: what the stored spec asks for already was judged when it was written. */
  action?: { verb: Verb };
}

/** What was judged in a transaction; see `judged_store.ts`. */
const judged = new WeakMap<Reader, Set<string>>();
const keyOf = ({ kind, namespace, name }: ResourceKey) => `${kind} ${namespace}/${name}`;

/** Whether the write of a resource was judged in this transaction. */
export function wasJudged(tx: Reader, key: ResourceKey): boolean {
  return judged.get(tx)?.has(keyOf(key)) ?? false;
}

/** Marks a write in a transaction as judged by what its route asks. */
export function markJudged(tx: Reader, key: ResourceKey): void {
  if (!judged.has(tx)) judged.set(tx, new Set());
  judged.get(tx)!.add(keyOf(key));
}

/** Asks for everything that writing the declaration takes. @throws {RuneError} `permission_denied`. */
export function permitWrite(tx: Reader, writer: Writer, write: Write): void {
  const { declared, before, action } = write;
  const { kind, name } = declared;
  const resource = KINDS[kind].plural as RuleResource;
  const namespace = kind === "namespace" ? name : declared.namespace;
  const may = (verb: Verb) => writer.may({ resource, verb, namespace });
  // Which of the two is missing would say whether it exists: whoever may do neither is refused one and the same.
  const verb = before && (may("update") || may("create")) ? "update" : "create";
  writer.permit({ resource, verb: action?.verb ?? verb, namespace });
  const known = new Set(
    action && before?.kind === kind
      ? demandsOf({ ...write, declared: before as unknown as Declared }).map(({ id }) => id)
      : [],
  );
  for (const { id, ask } of demandsOf(write)) if (!known.has(id)) ask(writer);
  markJudged(tx, declared);
}

/** A right that a write takes beyond that to its own resource. */
interface Demand {
  /** The same for the same right. */
  id: string;
  ask(writer: Writer): void;
}

function demandsOf({ declared, host }: Write): Demand[] {
  const { kind, namespace } = declared;
  const demands: Demand[] = findReaches(BODIES[kind], declared.spec, namespace)
    .filter((reach) => reach.namespace !== namespace)
    .map((reach) => ({
      id: JSON.stringify(reach),
      ask: (writer) => writer.permit({ ...reach, resource: KINDS[reach.kind].plural as RuleResource }),
    }));
  if (kind === "service") demands.push(...hostDemands(declared, host!));
  if (kind === "storageClass" && declared.spec.default) {
    const ask = { resource: "storageclasses", verb: "storageclasses.set-default", namespace: "" } as const;
    demands.push({ id: "default", ask: (writer) => writer.permit(ask) });
  }
  return demands;
}

/** What a service takes of the host. Who may be root in its namespace may have all of it. */
function hostDemands(
  { namespace, spec }: Declared<"service">,
  { identity, rights }: NonNullable<Write["host"]>,
): Demand[] {
  const privileged: Ask = { resource: "services", verb: "services.privileged", namespace };
  const settled = { ...spec, identity };
  if (isPrivileged(settled, rights.accounts)) {
    const instead = spec.process
      ? "let it run as a user: securityContext: { user: dynamic }; or "
      : "leave out privileged, capAdd and seccompProfile: unconfined; or ";
    const hint =
      `${instead}let an administrator give the caller the verb services.privileged in namespace ${namespace} ` +
      "(rune admin policy, rune admin user)";
    return [{
      id: "privileged",
      ask(writer) {
        try {
          writer.permit(privileged);
        } catch (error) {
          if (!(error instanceof RuneError)) throw error;
          throw new RuneError(error.code, error.message, { hint });
        }
      },
    }];
  }
  return hostWants({ namespace, spec: settled }, rights).filter((want) => !want.granted)
    .map(({ kind, value, what }) => ({
      id: `${kind} ${value}`,
      ask(writer) {
        if (writer.may(privileged)) return;
        throw new RuneError("permission_denied", `namespace ${namespace} is not granted to ${what}`, {
          hint: grantHint(namespace, kind, value),
        });
      },
    }));
}
