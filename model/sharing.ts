/**
 * Volumes that several services mount. A volume mounted read-write excludes all other mounts, so two services
 * that need it at once would wait for each other for ever. This reports them before anything is written.
 * Pure.
 * @module
 */
import type { FieldIssue } from "./error.ts";
import { claimedVolumeName, claimedVolumeStem, splitClaimedName } from "./claim_names.ts";
import { describeKey } from "./kinds.ts";
import { type NameRef, parseNameRef } from "./name.ts";
import type { DeclaredSpec } from "./declared.ts";

/** The parts of a service that matter here. */
export interface Sharing extends NameRef {
  spec: Pick<DeclaredSpec<"service">, "scale" | "volumes" | "restart">;
}

/** One mount of a service, and whether it excludes other mounts of the volume. */
interface Use {
  service: Sharing;
  /** Index in `volumes`. */
  mount: number;
  /** The volume; for a template, the common prefix of its volumes' names. */
  volume: NameRef;
  writes: boolean;
}

/** Indexes which services mount which volumes, so that a check need not compare all pairs. */
export class VolumeUses {
  /** Claims by name, by volume. */
  readonly #claims = new Map<string, Use[]>();
  /** Templates, by the common prefix of their volumes' names. Two templates may make the same names. */
  readonly #templates = new Map<string, Use[]>();

  constructor(services: Iterable<Sharing>) {
    for (const service of services) for (const use of usesOf(service)) this.#add(use);
  }

  /**
   * Finds uses by other services that conflict with those of `service`: each of its mounts with the first
   * conflict.
   */
  inTheWay(
    service: Sharing,
    except: (other: Sharing) => boolean = () => false,
  ): { mount: number; volume: NameRef; other: Use }[] {
    const key = describeKey(service);
    return usesOf(service).flatMap((use) => {
      const other = this.#usesOf(use).find((o) =>
        describeKey(o.service) !== key && (o.writes || use.writes) && !except(o.service)
      );
      return other ? [{ mount: use.mount, volume: other.volume, other }] : [];
    });
  }

  #add(use: Use): void {
    const { service, mount } = use;
    const uses = service.spec.volumes[mount]!.claim ? this.#claims : this.#templates;
    const key = describeKey(use.volume);
    const known = uses.get(key);
    if (known) known.push(use);
    else uses.set(key, [use]);
  }

  /** All uses of the volumes of a mount, including its own, each with the shared volume. */
  #usesOf(use: Use): Use[] {
    const { service: { name: service, namespace, spec }, volume } = use;
    const mount = spec.volumes[use.mount]!;
    if (!mount.claim) {
      return Array.from({ length: spec.scale }, (_, ordinal) => {
        const name = claimedVolumeName({ mount: mount.name, service, ordinal });
        return this.#claims.get(describeKey({ namespace, name })) ?? [];
      }).flat();
    }
    const parts = splitClaimedName(volume.name);
    const templates = parts &&
      this.#templates.get(describeKey({ namespace: volume.namespace, name: parts.stem }));
    const making = templates?.filter((template) => parts!.ordinal < template.service.spec.scale) ?? [];
    return [
      ...this.#claims.get(describeKey(volume)) ?? [],
      ...making.map((template) => ({ ...template, volume })),
    ];
  }
}

/**
 * What a service mounts while it runs. A stopped service mounts nothing, and a job lets go when it ends, so
 * others can wait for it.
 */
function usesOf(service: Sharing): Use[] {
  const { namespace, spec } = service;
  if (spec.scale === 0 || spec.restart !== "always") return [];
  return spec.volumes.map((mount, i) => ({
    service,
    mount: i,
    volume: (mount.claim && parseNameRef(mount.claim.name, namespace)) ??
      { namespace, name: claimedVolumeStem({ mount: mount.name, service: service.name }) },
    writes: !mount.readOnly,
  }));
}

/**
 * Reports mounts of a service that conflict with mounts of other services.
 *
 * @param options.describe names another service to the author of this one.
 * @param options.later other services whose own check reports the conflict.
 * @param options.before the service's former spec; conflicts that it already had are not reported again.
 */
export function sharingIssues(
  service: Sharing,
  { uses, describe = (key) => `service ${describeKey(key)}`, isLater = () => false, before }: {
    uses: VolumeUses;
    describe?: (key: NameRef) => string;
    isLater?: (other: Sharing) => boolean;
    before?: Sharing | undefined;
  },
): FieldIssue[] {
  const wait = (of: Sharing, mount: number, volume: NameRef) =>
    `${describeKey(volume)} ${of.spec.volumes[mount]!.readOnly}`;
  const known = before ? uses.inTheWay(before).map(({ mount, volume }) => wait(before, mount, volume)) : [];
  return uses.inTheWay(service, isLater).filter(({ mount, volume }) =>
    !known.includes(wait(service, mount, volume))
  ).map(({ mount, volume, other }) => ({
    path: ["volumes", mount],
    message: `volume ${describeKey(volume)} is mounted ${other.writes ? "read-write" : "read-only"} by ` +
      `${describe(other.service)}${
        other.writes ? "" : ", and this mount writes it"
      }: while one mounts a volume ` +
      "read-write, nobody else can mount it, so one of the two would wait for ever",
    hint:
      "give each a volume of its own (one can begin with a snapshot of the other), let one service do both, " +
      "or mount it with readOnly: true everywhere; to hand it over, scale the other to 0 first",
  }));
}
