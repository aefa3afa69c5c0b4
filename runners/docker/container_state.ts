/** Converts the Engine's answers about containers to run states. @module */
import { z } from "zod";
import type { RunRef, RunState } from "../runner.ts";
import { isMountable } from "../../model/image_volume.ts";
import { plainSentence, refusalOf } from "./refusals.ts";
import { LABEL, networkName, refOf, SHARED } from "./labels.ts";

const labelsSchema = z.record(z.string(), z.string()).nullish().transform((labels) => labels ?? {});
/** Where each container port is published. `GET /containers/json` has another form of it. */
const publishedSchema = z.record(
  z.string(),
  z.array(z.object({ HostIp: z.string(), HostPort: z.string() })).nullish(),
).nullish();
const networksSchema = z.object({
  Networks: z.record(
    z.string(),
    z.object({ IPAddress: z.string(), Aliases: z.array(z.string()).nullish() }),
  ).nullish(),
}).nullish();

/** What Rune reads of `GET /containers/{id}/json`. */
export const containerSchema = z.object({
  Id: z.string(),
  /** Commands that run in it, or were created for it and not started. */
  ExecIDs: z.array(z.string()).nullish(),
  State: z.object({
    Status: z.string(),
    Pid: z.number(),
    ExitCode: z.number(),
    OOMKilled: z.boolean(),
    Error: z.string(),
    StartedAt: z.string(),
    FinishedAt: z.string(),
  }),
  /** `StopSignal` is the image's if the request named none, and empty for SIGTERM. */
  Config: z.object({ Labels: labelsSchema, StopSignal: z.string().optional() }),
  /** `Memory` is the limit in bytes, 0 for none. */
  HostConfig: z.object({ Memory: z.number() }),
  NetworkSettings: networksSchema.and(z.object({ Ports: publishedSchema }).nullish()),
  Mounts: z.array(z.object({ Type: z.string(), Name: z.string().nullish(), Destination: z.string() }))
    .nullish(),
});
/** See {@linkcode containerSchema}. */
export type Container = z.infer<typeof containerSchema>;

/** What Rune reads of `GET /containers/json`. */
export const containerListSchema = z.array(z.object({
  Id: z.string(),
  State: z.string(),
  Labels: labelsSchema,
  NetworkSettings: networksSchema,
  Ports: z.array(z.object({ IP: z.string().optional(), PublicPort: z.number().optional(), Type: z.string() }))
    .nullish(),
}));
/** See {@linkcode containerListSchema}. */
export type ListedContainer = z.infer<typeof containerListSchema>[number];

/** The exit code of a program that SIGKILL ended. */
const KILLED = 137;

/** The state of a run that certainly does not exist. */
export function makeAbsentRun(ref: RunRef): RunState {
  return { ...toRunRef(ref), state: "absent" };
}

/** The reference of a run, without the other fields of the object. */
function toRunRef({ instanceUid, run, step }: RunRef): RunRef {
  return { instanceUid, run, ...(step !== undefined && { step }) };
}

/** The state of a run from its inspected container. */
export function stateOf(container: Container, options: { ref: RunRef; daemonId: string }): RunState {
  const { State: raw, Config: { Labels: labels } } = container;
  const state = phase(raw.Status);
  return {
    ...toRunRef(options.ref),
    state,
    ...identity(container.Id, labels),
    pid: raw.Pid > 0 ? raw.Pid : undefined,
    ip: address(container.NetworkSettings, labels, options.daemonId),
    ...readPublished(bindingsOf(container)),
    names: listNames(container, networkName(labels[LABEL.namespace] ?? "", options.daemonId)),
    sharedNames: listNames(container, networkName(SHARED, options.daemonId)),
    startedAt: time(raw.StartedAt),
    finishedAt: state === "running" ? undefined : time(raw.FinishedAt),
    exitCode: state === "exited" ? raw.ExitCode : undefined,
    oomKilled: state === "exited" ? raw.OOMKilled : undefined,
    error: raw.Error ? refusalOf(raw.Error)?.message ?? plainSentence(raw.Error) : undefined,
    ...engineVolumes(container),
    ...(raw.Status === "paused" && { paused: true as const }),
  };
}

/**
 * Whether the container may have run out of memory although the Engine does not say so: it was killed and has
 * a limit.
 */
export function mayHaveRunOut({ State: { Status, ExitCode, OOMKilled }, HostConfig }: Container): boolean {
  return phase(Status) === "exited" && ExitCode === KILLED && !OOMKilled && HostConfig.Memory > 0;
}

/** The state of a run from a list, which has no times, pid and exit code. */
export function listedStateOf(container: ListedContainer, daemonId: string): RunState | undefined {
  const ref = refOf(container.Labels);
  return ref && {
    ...ref,
    state: phase(container.State),
    ...identity(container.Id, container.Labels),
    ip: address(container.NetworkSettings, container.Labels, daemonId),
    ...readPublished(
      (container.Ports ?? []).map(({ IP = "", PublicPort, Type }) => ({
        ip: IP,
        port: PublicPort,
        protocol: Type,
      })),
    ),
  };
}

/** A paused or restarting container still has its mounts, so it counts as running. */
function phase(status: string): RunState["state"] {
  if (status === "created") return "created";
  return status === "running" || status === "paused" || status === "restarting" ? "running" : "exited";
}

function identity(id: string, labels: Record<string, string>) {
  return {
    namespace: labels[LABEL.namespace],
    service: labels[LABEL.service],
    instance: labels[LABEL.instance],
    handle: id,
  };
}

interface Binding {
  ip: string;
  port?: string | number;
  protocol: string;
}

function bindingsOf({ NetworkSettings }: Container): Binding[] {
  return Object.entries(NetworkSettings?.Ports ?? {}).flatMap(([port, bindings]) =>
    (bindings ?? []).map(({ HostIp, HostPort }) => ({
      ip: HostIp,
      port: HostPort,
      protocol: port.split("/")[1] ?? "tcp",
    }))
  );
}

/** The addresses of this machine at which the Engine listens for a container, sorted. */
function readPublished(bindings: Binding[]): Pick<RunState, "published"> {
  const all = bindings.filter(({ port }) => port !== undefined && port !== "")
    .map(({ ip, port, protocol }) => `${ip.includes(":") ? `[${ip}]` : ip || "0.0.0.0"}:${port}/${protocol}`);
  return all.length === 0 ? {} : { published: [...new Set(all)].sort() };
}

function address(
  settings: Container["NetworkSettings"],
  labels: Record<string, string>,
  daemonId: string,
): string | undefined {
  const namespace = labels[LABEL.namespace];
  if (namespace === undefined) return undefined;
  return settings?.Networks?.[networkName(namespace, daemonId)]?.IPAddress || undefined;
}

/** The length of a container's short id, which the Engine adds as a name on each of its networks. */
const SHORT_ID = 12;

/**
 * The names of a container on a network, without the short id that the Engine adds.
 */
export function listNames({ Id, NetworkSettings }: Container, network: string): string[] | undefined {
  const endpoint = NetworkSettings?.Networks?.[network];
  // The whole short id is compared, because it may begin with the name of the service (`db`, `a`).
  return endpoint && (endpoint.Aliases ?? []).filter((alias) => alias !== Id.slice(0, SHORT_ID));
}

/** The volumes that the Engine created for this container, named by 64 hexadecimal digits. */
function engineVolumes({ Mounts }: Container): Pick<RunState, "engineVolumes"> {
  const volumes = (Mounts ?? []).flatMap(({ Type, Name, Destination: path }) =>
    Type === "volume" && /^[0-9a-f]{64}$/.test(Name ?? "") && isMountable(path) ? [{ path, name: Name! }] : []
  );
  return volumes.length === 0 ? {} : { engineVolumes: volumes };
}

/** The Engine writes year 1 for "never". */
function time(text: string): string | undefined {
  return text.startsWith("0001-") ? undefined : text;
}
