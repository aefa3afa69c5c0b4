/**
 * The rights that writing a declaration requires: to create or update it, to use what is dangerous, and to
 * use each resource of another namespace that it refers to. Otherwise a reference would be a way around the
 * rules of that namespace.
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
import type { Permission } from "./authority.ts";
import { type HostRights, isPrivileged, listHostAccess } from "./host_rights.ts";
import type { Principal } from "./principal.ts";

/** The caller who writes. */
export type Writer = Pick<Principal, "may" | "permit"> & Partial<Pick<Principal, "name">>;

/** A right that a storage parameter takes. */
export interface ParameterRight {
  permission: Permission;
  /** Says to those who lack it why it is needed, and what to write instead. */
  hint: string;
}

/** A write to authorize. */
export interface Write {
  declared: Declared;
  /** The stored resource, if there is one. */
  before: AnyResource | undefined;
  /** For a service: its rights on the host, and the identity of its processes there, as numbers. */
  host?: { rights: HostRights; identity?: HostIdentity };
  /** Rights that its storage parameters take. */
  parameters?: readonly ParameterRight[];
  /**
   * For an action that changes a single field. The rights for the rest of the spec were checked when it was
   * stored.
   */
  action?: { verb: Verb };
}

/** The resources authorized in each transaction; see `authorized_store.ts`. */
const authorized = new WeakMap<Reader, Set<string>>();
const keyOf = ({ kind, namespace, name }: ResourceKey) => `${kind} ${namespace}/${name}`;

/** Whether the write of a resource was authorized in this transaction. */
export function isAuthorized(tx: Reader, key: ResourceKey): boolean {
  return authorized.get(tx)?.has(keyOf(key)) ?? false;
}

/** Marks a write in a transaction as authorized, for a caller that checked the rights itself. */
export function markAuthorized(tx: Reader, key: ResourceKey): void {
  if (!authorized.has(tx)) authorized.set(tx, new Set());
  authorized.get(tx)!.add(keyOf(key));
}

/**
 * Requires all rights for writing the declaration, and marks the write as authorized.
 * @throws {RuneError} `permission_denied`.
 */
export function permitWrite(tx: Reader, writer: Writer, write: Write): void {
  const { declared, before, action } = write;
  const { kind, name } = declared;
  const resource = KINDS[kind].plural as RuleResource;
  const namespace = kind === "namespace" ? name : declared.namespace;
  const may = (verb: Verb) => writer.may({ resource, verb, namespace });
  // A caller who may neither create nor update always gets the same refusal, which does not reveal whether
  // the resource exists.
  const verb = before && (may("update") || may("create")) ? "update" : "create";
  writer.permit({ resource, verb: action?.verb ?? verb, namespace });
  const known = new Set(
    action && before?.kind === kind
      ? demandsOf({ ...write, declared: before as unknown as Declared }).map(({ id }) => id)
      : [],
  );
  for (const { id, require } of demandsOf(write)) if (!known.has(id)) require(writer);
  markAuthorized(tx, declared);
}

/** A right that a write requires beyond the right to its own resource. */
interface Demand {
  /** Equal for equal rights. */
  id: string;
  require(writer: Writer): void;
}

function demandsOf({ declared, host, parameters = [] }: Write): Demand[] {
  const { kind, namespace } = declared;
  const demands: Demand[] = findReaches(BODIES[kind], declared.spec, namespace)
    .filter((reach) => reach.namespace !== namespace)
    .map((reach) => ({
      id: JSON.stringify(reach),
      require: (writer) => writer.permit({ ...reach, resource: KINDS[reach.kind].plural as RuleResource }),
    }));
  demands.push(...parameters.map(({ permission, hint }) => ({
    id: `parameter ${JSON.stringify(permission)}`,
    require: (writer: Writer) => permitWithHint(writer, permission, hint),
  })));
  if (kind === "service") demands.push(...hostDemands(declared, host!));
  if (kind === "storageClass" && declared.spec.default) {
    const permission = {
      resource: "storageclasses",
      verb: "storageclasses.set-default",
      namespace: "",
    } as const;
    demands.push({ id: "default", require: (writer) => writer.permit(permission) });
  }
  return demands;
}

/** Requires a permission. The refusal has a hint of its own. */
function permitWithHint(writer: Writer, permission: Permission, hint: string): void {
  try {
    writer.permit(permission);
  } catch (error) {
    if (!(error instanceof RuneError)) throw error;
    throw new RuneError(error.code, error.message, { hint });
  }
}

/**
 * The rights for what a service uses of the host. A caller who may run as root in the namespace has them all.
 */
function hostDemands(
  { namespace, spec }: Declared<"service">,
  { identity, rights }: NonNullable<Write["host"]>,
): Demand[] {
  const privileged: Permission = { resource: "services", verb: "services.privileged", namespace };
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
      require: (writer) => permitWithHint(writer, privileged, hint),
    }];
  }
  return listHostAccess({ namespace, spec: settled }, rights).filter((want) => !want.granted)
    .map(({ kind, value, what }) => ({
      id: `${kind} ${value}`,
      require(writer) {
        if (writer.may(privileged)) return;
        throw new RuneError("permission_denied", `namespace ${namespace} has no grant to ${what}`, {
          hint: grantHint(namespace, kind, value),
        });
      },
    }));
}
