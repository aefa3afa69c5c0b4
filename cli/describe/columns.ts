/** The columns of every kind's table and single view. @module */
import type { InstanceUsage, VolumeUsage } from "../../model/api.ts";
import { externalAddress } from "../../model/exposing.ts";
import { formatAge, formatBytes } from "../../model/format.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { AnyResource, Kind, Kinds } from "../../model/resource.ts";
import type { Column } from "../terminal/output.ts";

/** What cells need besides the resource. */
export interface CellContext {
  /** Milliseconds since the epoch. */
  now: number;
  /** The name by which the user reaches the daemon's host. */
  host: string;
  /** Disk usage of volumes, by uid; absent for those that cannot be measured. */
  volumeUsage?: ReadonlyMap<string, VolumeUsage>;
  /** Usage of instances, by uid, if it was requested. */
  instanceUsage?: ReadonlyMap<string, InstanceUsage>;
}

type KindColumn<K extends Kind> = Column<Kinds[K], CellContext>;

const since = (time: string, now: number) => formatAge(now - Date.parse(time));
const textOrDash = (text: string | undefined) => text === undefined || text === "" ? "-" : text;

/** A column. */
const col = <R>(
  header: string,
  cell: (resource: R, context: CellContext) => string,
  flags: { wide?: true; state?: true } = {},
): Column<R, CellContext> => ({ header, cell, ...flags });

const name = () => col<AnyResource>("NAME", (r) => r.name);
const age = () => col<AnyResource>("AGE", (r, { now }) => since(r.createdAt, now));
const labels = () =>
  col<AnyResource>(
    "LABELS",
    (r) => textOrDash(Object.entries(r.labels).map(([key, value]) => `${key}=${value}`).join(",")),
    { wide: true },
  );
/** The state, or that the resource is being deleted. */
const state = <R extends AnyResource & { status: { state: string } }>(header: string) =>
  col<R>(header, (r) => r.deletionRequestedAt ? "Deleting" : r.status.state, { state: true });

/** `250m`, as limits are written. */
const cpuText = (usage: InstanceUsage | undefined) => usage ? `${usage.milliCpu}m` : "-";
const memoryText = (usage: InstanceUsage | undefined) => usage ? formatBytes(usage.memoryBytes) : "-";

/** `JobFailed (exit code 3)`. */
const reasonText = ({ reason, exitCode }: Kinds["service"]["status"]) =>
  reason !== undefined && exitCode !== undefined ? `${reason} (exit code ${exitCode})` : textOrDash(reason);

const service: KindColumn<"service">[] = [
  name(),
  col("TYPE", (r) => r.spec.image === undefined ? "process" : "container"),
  state("STATUS"),
  // In their desired state: ready, or ended well.
  col(
    "INSTANCES",
    (r) => `${Math.min(r.status.ready + (r.status.completed ?? 0), r.spec.scale)}/${r.spec.scale}`,
  ),
  col("EXTERNAL", (r, { host }) => externalAddress(r, host) ?? "-"),
  col("GENERATION", (r) => String(r.generation)),
  age(),
  col("UP-TO-DATE", (r) => `${Math.min(r.status.updated, r.spec.scale)}/${r.spec.scale}`, { wide: true }),
  col("RUNS", (r) => r.spec.image ?? textOrDash(r.spec.process?.command), { wide: true }),
  col("REASON", (r) => reasonText(r.status), { wide: true }),
  col("CONFIG", (r) => r.status.staleConfig ? `changed since start: rune restart ${r.name}` : "-", {
    wide: true,
  }),
  labels(),
];

/** `1.5Gi of 10Gi`, or `1.5Gi` if no limit is enforced. */
function formatUsage({ uid }: { uid: string }, { volumeUsage }: CellContext): string {
  const { usedBytes, limitBytes } = volumeUsage?.get(uid) ?? {};
  if (usedBytes === undefined) return "-";
  return limitBytes === undefined
    ? formatBytes(usedBytes)
    : `${formatBytes(usedBytes)} of ${formatBytes(limitBytes)}`;
}

/** `every 1h, keep 24`. */
const policyText = (policy: { every: string; keep: number } | undefined) =>
  policy ? `every ${policy.every}, keep ${policy.keep}` : "-";

/** `5m ago`: the last snapshot that succeeded. */
const lastSnapshot = ({ status: { snapshots } }: Kinds["volume"], { now }: CellContext) =>
  snapshots?.last ? `${since(snapshots.last.at, now)} ago` : "-";

/** `in 12m`, or that it is in progress. */
function nextSnapshot({ status: { snapshots } }: Kinds["volume"], { now }: CellContext): string {
  if (snapshots?.taking !== undefined) return "now";
  return snapshots?.nextAt === undefined ? "-" : `in ${formatAge(Date.parse(snapshots.nextAt) - now)}`;
}

const volume: KindColumn<"volume">[] = [
  name(),
  col("CLASS", (r) => textOrDash(r.spec.storageClassName)),
  state("STATUS"),
  col("SIZE", (r) => r.spec.size),
  col("ACCESS", (r) => r.spec.accessMode),
  age(),
  col("USED", formatUsage, { wide: true }),
  col("RECLAIM", (r) => textOrDash(r.spec.reclaimPolicy), { wide: true }),
  col("CLAIM", (r) => textOrDash(r.status.boundClaim), { wide: true }),
  col("NODE", (r) => textOrDash(r.status.boundNode), { wide: true }),
  col("HANDLE", (r) => textOrDash(r.status.handle), { wide: true }),
  col("SNAPSHOTS", (r) => policyText(r.status.snapshots?.policy), { wide: true }),
  col("LAST SNAPSHOT", lastSnapshot, { wide: true }),
  col("NEXT SNAPSHOT", nextSnapshot, { wide: true }),
  labels(),
];

const instance: KindColumn<"instance">[] = [
  name(),
  col("SERVICE", (r) => r.spec.service),
  state("STATE"),
  col("RESTARTS", (r) => String(r.status.restarts)),
  col("IP", (r) => textOrDash(r.status.ip)),
  age(),
  col("READY", (r) => r.status.ready ? "yes" : "no", { wide: true }),
  col("RUNNER", (r) => r.spec.runner, { wide: true }),
  col("GENERATION", (r) => String(r.spec.serviceGeneration), { wide: true }),
  col("REASON", (r) => textOrDash(r.status.reason), { wide: true }),
  col(
    "EXIT",
    ({ status: { state, lastFailure } }) =>
      state === "Completed" ? "0" : String(lastFailure?.exitCode ?? "-"),
    {
      wide: true,
    },
  ),
  col("CPU", (r, { instanceUsage }) => cpuText(instanceUsage?.get(r.uid)), { wide: true }),
  col("MEMORY", (r, { instanceUsage }) => memoryText(instanceUsage?.get(r.uid)), { wide: true }),
  col("HANDLE", (r) => textOrDash(r.status.handle?.slice(0, 12)), { wide: true }),
];

const storageClass: KindColumn<"storageClass">[] = [
  name(),
  col("DRIVER", (r) => r.spec.driver),
  col("DEFAULT", (r) => String(r.spec.default)),
  col("RECLAIM", (r) => r.spec.reclaimPolicy),
  age(),
  col("SNAPSHOTS", (r) => policyText(r.spec.snapshotPolicy), { wide: true }),
  labels(),
];

const snapshot: KindColumn<"snapshot">[] = [
  name(),
  col("VOLUME", (r) => r.spec.source.volume),
  state("STATUS"),
  col("SIZE", (r) => r.status.sizeBytes === undefined ? "-" : formatBytes(r.status.sizeBytes)),
  age(),
  col("ORIGIN", (r) => ANNOTATIONS.policyVolume in r.annotations ? "policy" : "request", { wide: true }),
  labels(),
];

const event: KindColumn<"event">[] = [
  col("LAST SEEN", (r, { now }) => since(r.spec.lastAt, now)),
  col("TYPE", (r) => r.spec.type, { state: true }),
  col("REASON", (r) => r.spec.reason),
  col("OBJECT", (r) => `${r.spec.object.kind}/${r.spec.object.name}`),
  col("COUNT", (r) => String(r.spec.count), { wide: true }),
  col("MESSAGE", (r) => r.spec.message),
];

const makePlainColumns = <K extends Kind>(): KindColumn<K>[] => [name(), age(), labels()];

const COLUMNS: { [K in Kind]: KindColumn<K>[] } = {
  service,
  volume,
  instance,
  storageClass,
  snapshot,
  event,
  namespace: makePlainColumns(),
  secret: [
    name(),
    col("TYPE", (r) => textOrDash(r.spec.type)),
    col("KEYS", (r) => r.spec.keys.join(",")),
    col("VERSION", (r) => String(r.spec.version)),
    age(),
    labels(),
  ],
  configmap: [
    name(),
    col("KEYS", (r) => String(Object.keys(r.spec.data).length)),
    age(),
    col("KEY NAMES", (r) => textOrDash(Object.keys(r.spec.data).join(", ")), { wide: true }),
    labels(),
  ],
  lease: makePlainColumns(),
  sealedSecret: makePlainColumns(),
  user: makePlainColumns(),
  token: makePlainColumns(),
  policy: makePlainColumns(),
  registry: makePlainColumns(),
};

/** The columns of a kind. `withNamespace` adds the namespace as the first. */
export function columnsOf(
  kind: Kind,
  options: { withNamespace?: boolean } = {},
): Column<AnyResource, CellContext>[] {
  const columns = COLUMNS[kind] as unknown as Column<AnyResource, CellContext>[];
  return options.withNamespace ? [col("NAMESPACE", (r) => r.namespace), ...columns] : columns;
}
