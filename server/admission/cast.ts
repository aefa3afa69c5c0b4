/**
 * Casting writes a set of declarations in one transaction, or nothing at all. A single PUT or POST is a set
 * of one.
 * @module
 */
import type { CastRequest, CastResult } from "../../model/api.ts";
import { cycleIssues } from "../../model/checks.ts";
import { sameValue } from "../../model/changes.ts";
import { type CastKind, type Declared, isCastKind, parseDeclared } from "../../model/declared.ts";
import { type FieldIssue, RuneError } from "../../model/error.ts";
import { formatPath } from "../../model/field_issues.ts";
import type { Verb } from "../../model/identity.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import { Exposures } from "../../model/exposing.ts";
import { type AnyResource, describeKey, type Kind, KINDS } from "../../model/resource.ts";
import type { HostIdentity } from "../../model/security.ts";
import type { Service } from "../../model/service.ts";
import type { VolumeSpec } from "../../model/volume.ts";
import type { Vault } from "../../store/secrets/vault.ts";
import type { NewResource, Store, Tx } from "../../store/store.ts";
import { admit } from "./admission.ts";
import { makeInitialState } from "./initial_state.ts";
import { listChanges } from "./field_changes.ts";
import { listHandleRights, noteNamedData, recordNamedData } from "./handles.ts";
import { normalizeDeclared } from "./normal_form.ts";
import { listOwnSecretRights } from "./own_secrets.ts";
import { requireVersion } from "./preconditions.ts";
import { checkSharing, type WrittenService } from "./sharing.ts";
import { ownerOfRestored } from "./restore.ts";
import { makeDefault } from "./storage_class.ts";
import { updateTemplateVolumes } from "./template_volumes.ts";
import type { World } from "./world.ts";
import { readHostAccounts } from "../auth/host_accounts.ts";
import { identityNow, resolveIdentity } from "../auth/host_identity.ts";
import { maySee } from "../auth/visibility.ts";
import { markAuthorized, permitWrite, type Writer } from "../auth/write_permits.ts";
import type { ApplyDeps } from "./apply_deps.ts";
import {
  discardSecrets,
  type PreparedSecrets,
  prepareSecrets,
  StaleSecret,
  writeSealed,
} from "./secret_writes.ts";

/** A declaration and its index in the request, which issues refer to. */
interface Item {
  declared: Declared;
  index: number;
}

/** Options of {@linkcode applySet}. */
export interface ApplyOptions {
  /** Replace the instances of services even if nothing changed. */
  force?: boolean;
  /** Refuse unless the resource, of which there must be one, has this version. */
  ifVersion?: number;
  /** Refuse resources that exist. */
  createOnly?: boolean;
  /** The caller, whose rights are checked before each write. */
  writer: Writer;
  /** Set for an action that changes a single field; see {@linkcode permitWrite}. */
  action?: { verb: Verb };
  /** The set's secrets, encrypted. */
  secrets?: PreparedSecrets;
}

/** What else a write of one declaration needs. */
interface WriteOptions extends ApplyOptions {
  /** The value of `ANNOTATIONS.namedData`. */
  namedData: string | undefined;
}

/** The result for one resource. */
export interface Applied extends CastResult {
  resource: AnyResource;
}

/** After this many issues, the rest of a set is not checked: it will not be applied anyway. */
const MAX_ISSUES = 100;

const ORDER = Object.keys(KINDS);
const rank = (kind: Kind) => ORDER.indexOf(kind);

/**
 * Checks the bodies of a cast against their schemas.
 *
 * @throws {RuneError} `invalid_argument` with every issue; `resource` is the index in the request.
 */
export function parseSet(resources: CastRequest["resources"]): Declared[] {
  const issues: FieldIssue[] = [];
  const seen = new Map<string, number>();
  const declared = resources.flatMap(({ kind, body }, index) => {
    if (!isCastKind(kind) || issues.length >= MAX_ISSUES) return [];
    const result = parseDeclared(kind, body, { namespace: "default" });
    if ("issues" in result) {
      issues.push(...result.issues.map((issue) => ({ ...issue, resource: index })));
      return [];
    }
    const key = `${kind} ${describeKey(result.declared)}`;
    if (seen.has(key)) {
      const message = `${key} is declared twice; the first is resource ${seen.get(key)}`;
      issues.push({ path: ["name"], message, resource: index });
    } else seen.set(key, index);
    return [result.declared];
  });
  if (issues.length > 0) throw refusal(issues, resources);
  return declared;
}

/** Combines all issues into one error. Its message is the first issue and the number of others. */
function refusal(
  issues: FieldIssue[],
  resources: { kind: string; body: Record<string, unknown> }[],
  code: "invalid_argument" | "conflict" = "invalid_argument",
): RuneError {
  const [first] = issues;
  const { kind, body } = resources[first!.resource ?? 0]!;
  const what = `${kind} ${typeof body.name === "string" ? body.name : "without a name"}`;
  const path = formatPath(first!.path);
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  return new RuneError(code, `${what}: ${path === "" ? "" : `${path}: `}${first!.message}${more}`, {
    hint: first!.hint,
    issues,
  });
}

/**
 * Writes a set inside a transaction, in the order of kinds. If it throws, the transaction is rolled back.
 *
 * @throws {RuneError} `invalid_argument` with every issue; `conflict` if the only issues are resources that
 * are being deleted, or for another version than `ifVersion`; `already_exists`.
 */
export function applySet(
  tx: Tx,
  set: Declared[],
  deps: ApplyDeps,
  options: ApplyOptions,
): Applied[] {
  const classes = set.filter((d) => d.kind === "storageClass");
  const later = new Set(set.filter((d) => d.kind === "service").map(describeKey));
  const exposed = new Exposures<Service>(
    set.some((d) => d.kind === "service" && (d.spec.expose || d.spec.process)) ? tx.list("service") : [],
  );
  const root = deps.root ?? Deno.uid() === 0;
  const world: World = {
    state: tx,
    exposed,
    later,
    ports: deps.hostPorts?.() ?? { reserved: [] },
    drivers: deps.drivers,
    defaultStorageClass: deps.defaultStorageClass,
    secretLimits: deps.secretLimits,
    viewer: options.writer,
    accounts: readHostAccounts(),
    root,
    declaredClasses: new Set(classes.map((c) => c.name)),
    privateMounts: deps.privateMounts ?? root,
    closed: deps.closed ?? [],
    containsProcesses: deps.containsProcesses ?? true,
    declaredVolumes: new Set(set.filter((d) => d.kind === "volume").map(describeKey)),
    newDefaultClass: classes.find((c) => c.spec.default)?.name,
  };
  const items: Item[] = set.map((declared, index) => ({ declared, index }))
    .sort((a, b) => rank(a.declared.kind) - rank(b.declared.kind));
  const issues: FieldIssue[] = [];
  let passing = 0;
  /** Services that changed. */
  const services: WrittenService[] = [];
  const applied: Applied[] = [];
  for (const { declared: written, index } of items) {
    if (issues.length >= MAX_ISSUES) break;
    const { declared, issues: mistakes } = normalizeDeclared(written, world);
    const before = tx.get(declared.kind, declared.namespace, declared.name) as AnyResource | undefined;
    const resolved = authorize(tx, { declared, before, world, deps, options });
    if (before?.deletionRequestedAt !== undefined) {
      const message = `${declared.kind} ${describeKey(declared)} is being deleted`;
      issues.push({ path: ["name"], message, hint: "cast it again when it is gone", resource: index });
      passing++;
      continue;
    }
    // Before the checks of changes, since createOnly changes nothing.
    if (before && options.createOnly) {
      throw new RuneError("already_exists", `${declared.kind} ${describeKey(declared)} exists already`, {
        hint: "change it with rune cast (PUT in the API), or delete it first",
      });
    }
    const verdict = mistakes.length > 0 ? { spec: declared.spec, issues: mistakes } : admit(declared, world);
    if (declared.kind === "service") later.delete(describeKey(declared));
    verdict.issues.push(...resolved.issues);
    issues.push(...verdict.issues.map((issue) => ({ ...issue, resource: index })));
    // Written even after an earlier issue, so that later declarations are checked as if the earlier ones were
    // valid. The issue rolls everything back.
    if (verdict.issues.length === 0) {
      const spec = declared.kind === "service" ? withIdentity(verdict.spec, resolved.identity) : verdict.spec;
      const namedData = recordNamedData(declared, world);
      const result = write(tx, { ...declared, spec } as Declared, { ...options, namedData });
      const { resource } = result;
      if (resource.kind === "service") {
        exposed.set(resource);
        if (result.action !== "unchanged") {
          services.push({ service: resource, before: before as Service | undefined, index });
        }
      }
      applied.push(result);
    }
  }
  if (issues.length < MAX_ISSUES) {
    issues.push(...checkSharing(services, { state: tx, viewer: options.writer }));
    issues.push(...cycleIssues(set, {
      find: (namespace, name) => tx.get("service", namespace, name),
      describe: (key) =>
        maySee(options.writer, "service", key.namespace) ? describeKey(key) : "(one that you may not see)",
    }));
  }
  if (issues.length > 0) {
    const named = set.map(({ kind, name }) => ({ kind, body: { name } }));
    throw refusal(issues, named, passing === issues.length ? "conflict" : "invalid_argument");
  }
  return applied;
}

/** Resolves the identity of a service's processes, and checks the rights for the write. */
function authorize(
  tx: Tx,
  { declared, before, world, deps, options }: {
    declared: Declared;
    before: AnyResource | undefined;
    world: World;
    deps: ApplyDeps;
    options: ApplyOptions;
  },
): { identity?: HostIdentity; issues: FieldIssue[] } {
  const { writer, action } = options;
  const rights = {
    grants: deps.grants ?? {},
    accounts: world.accounts,
    root: world.root,
  };
  const resolved = declared.kind === "service"
    ? resolveIdentity(declared, {
      before: before as Service | undefined,
      anew: options.force ?? false,
      world,
    })
    : { issues: [] };
  // Services of an earlier version have no stored numbers, so the current meaning of their names is checked.
  const identity = resolved.identity ??
    (declared.kind === "service"
      ? identityNow({ spec: { ...declared.spec, identity: undefined } }, world.accounts)
      : undefined);
  permitWrite(tx, writer, {
    declared,
    before,
    host: { rights, ...(identity && { identity }) },
    parameters: [...listOwnSecretRights(declared, world), ...listHandleRights(declared, world)],
    ...(action && { action }),
  });
  return resolved;
}

/**
 * Replaces the identity in a spec. The identity of an earlier generation is dropped, since another service
 * may have it by now.
 */
function withIdentity(spec: unknown, identity: HostIdentity | undefined): unknown {
  const { identity: _, ...rest } = spec as Service["spec"];
  return { ...rest, ...(identity && { identity }) };
}

function write(tx: Tx, declared: Declared, options: WriteOptions): Applied {
  const { action, force, ifVersion } = options;
  const { kind, namespace, name, labels } = declared;
  const secret = kind === "secret" ? options.secrets?.get(describeKey(declared)) : undefined;
  if (kind === "secret" && !secret) throw new StaleSecret();
  const spec = (secret?.spec ?? declared.spec) as AnyResource["spec"];
  const before = tx.get(kind, namespace, name) as AnyResource | undefined;
  const answer = (done: CastResult["action"], resource: AnyResource): Applied => ({
    kind,
    namespace,
    name,
    action: done,
    generation: resource.generation,
    changes: before ? listChanges(before, { spec, labels }, secret?.changes) : [],
    resource,
  });
  if (declared.kind === "storageClass" && declared.spec.default) makeDefault(tx, name, options);
  if (!before) {
    if (ifVersion !== undefined) {
      throw new RuneError(
        "not_found",
        `there is no ${kind} ${describeKey(declared)} at version ${ifVersion}`,
        {
          hint: "leave out If-Match to create it",
        },
      );
    }
    if (namespace !== "") ensureNamespace(tx, namespace);
    if (secret) writeSealed(tx, declared, secret);
    const birth = makeInitialState<CastKind>(kind, spec as never);
    const owner = kind === "volume"
      ? ownerOfRestored({ namespace, name }, spec as VolumeSpec, tx)
      : undefined;
    if (owner !== undefined) Object.assign(birth.status, { ownerService: owner });
    const annotations = noteNamedData(authorship({ kind, annotations: {} }, options), options.namedData);
    const resource = tx.create(
      { kind, namespace, name, labels, annotations, spec, ...birth } as NewResource<Kind>,
    );
    return answer("created", resource as AnyResource);
  }
  requireVersion(before, ifVersion);
  if (secret) writeSealed(tx, declared, secret);
  const current = tx.get(kind, namespace, name) as AnyResource;
  const forced = force && kind === "service";
  const annotated = sameValue(current.spec, spec) ? current.annotations : authorship(current, options);
  const annotations = {
    // An action that changes a single field judges nothing anew.
    ...(action ? annotated : noteNamedData(annotated, options.namedData)),
    ...(forced && { [ANNOTATIONS.restartedAt]: tx.now }),
  };
  const bump = forced && { bumpGeneration: true as const };
  const resource = tx.update(current, { labels, spec, annotations, ...bump });
  if (resource.kind === "service" && !action) {
    updateTemplateVolumes(tx, resource, before.spec as Service["spec"]);
  }
  return answer(resource === before ? "unchanged" : "configured", resource);
}

/** The annotations that name the caller, for a service's history. */
function authorship(
  { kind, annotations }: Pick<AnyResource, "kind" | "annotations">,
  { writer }: ApplyOptions,
): Record<string, string> {
  if (kind !== "service" || writer.name === undefined) return annotations;
  return { ...annotations, [ANNOTATIONS.changedBy]: writer.name };
}

/** Creates a namespace if it does not exist: the first resource in it does so. */
export function ensureNamespace(tx: Tx, name: string): void {
  if (tx.get("namespace", "", name)) return;
  markAuthorized(tx, { kind: "namespace", namespace: "", name });
  tx.create({ kind: "namespace", namespace: "", name, spec: {}, ...makeInitialState("namespace", {}) });
}

/** Carries the results of a dry run out of its transaction, which it rolls back. */
class DryRun extends Error {
  constructor(readonly applied: Applied[]) {
    super("dry run");
  }
}

/**
 * Applies a set in one transaction.
 *
 * @param options `dryRun` does everything, then rolls back.
 * @throws {RuneError} as {@linkcode applySet} does.
 */
export async function cast(
  store: Store,
  set: Declared[],
  deps: ApplyDeps & { secrets: Vault },
  options: ApplyOptions & { dryRun?: boolean },
): Promise<Applied[]> {
  const { dryRun = false } = options;
  const secrets = await prepareSecrets(set, { store, vault: deps.secrets, dryRun });
  try {
    return await store.transact((tx) => {
      const applied = applySet(tx, set, deps, { ...options, secrets });
      if (dryRun) throw new DryRun(applied);
      return applied;
    });
  } catch (error) {
    if (error instanceof DryRun) return error.applied;
    // If the outcome of a commit is unknown, its keys stay. The next start removes them if they are unused.
    const undecided = error instanceof RuneError && error.code === "unavailable";
    if (!undecided) await discardSecrets(secrets, deps.secrets);
    if (error instanceof StaleSecret) return await cast(store, set, deps, options);
    throw error;
  }
}
