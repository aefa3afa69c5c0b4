/**
 * Finds the output that a request for logs shows: the current output of instances or, if there is none, their
 * last output, even of deleted ones. Adds notes for the reader, so that old output does not look new, and
 * missing output has an explanation.
 * @module
 */
import { parseInstanceName } from "../../../model/instance_name.ts";
import { howEnded } from "../../../reconcile/kept_logs/keep_last.ts";
import type { KeptLog } from "../../../reconcile/kept_logs/kept_logs.ts";
import type { LogEntry, LogOptions, RunRef, RunState } from "../../../runners/runner.ts";
import { findNode } from "../../../node/placement.ts";
import { RuneError } from "../../../model/error.ts";
import { formatAge } from "../../../model/format.ts";
import { parseStepKey } from "../../../model/init_step.ts";
import type { Instance } from "../../../model/instance.ts";
import { describeKey } from "../../../model/resource.ts";
import type { Service } from "../../../model/service.ts";
import type { Reader } from "../../../store/store.ts";
import type { ServerDeps } from "../deps.ts";
import { selectEntries } from "./log_selection.ts";
import { instancesOf, runnerFor, type Target } from "../targets.ts";

/** Selects logs. */
export interface LogRequest extends Omit<LogOptions, "signal"> {
  /** The last ended run of each instance, even if it has a new one. */
  previous: boolean;
  /** The last attempt at this init step, instead of the main process. */
  initStep?: string;
}

/** Dependencies of the search for sources. */
export type LogDeps = Pick<ServerDeps, "store" | "nodes" | "keptLogs">;

/** The output of one run. */
export interface LogSource {
  instance: string;
  /** A sentence before its lines. */
  note?: string;
  /** A sentence for the case that it has no lines. */
  silence: string;
  /** Opens its entries; undefined if there are none any more, or never were. */
  open(options: LogOptions): Promise<ReadableStream<LogEntry> | undefined>;
}

/** The sources of a request, and notes about instances without any. */
export interface LogSources {
  sources: LogSource[];
  /** A sentence for each instance without output. */
  without: string[];
}

/** A target with its instances, and the kept logs of earlier ones. */
interface Known {
  deps: LogDeps;
  target: Target;
  instances: Instance[];
  kept: KeptLog[];
  /** The runs of the instances, as the runners report them. */
  runs: RunState[];
}

/**
 * Finds the sources of a request.
 *
 * @throws {RuneError} `not_found` if the target, or the requested run or step, does not exist.
 */
export async function findSources(
  deps: LogDeps,
  { target, request, signal }: { target: Target; request: LogRequest; signal: AbortSignal },
): Promise<LogSources> {
  const kept = await keptOf(deps, target);
  const instances = kept.length > 0 && isGone(deps, target) ? [] : instancesOf(deps.store, target);
  const known = { deps, target, instances, kept, runs: await runsOf(deps, instances, signal) };
  if (request.initStep !== undefined) return stepSources(known, request.initStep, request.previous);
  return request.previous ? previousSources(known) : currentSources(known);
}

/**
 * Resolves the current name of a target. A replacement has a provisional name until the instance before it is
 * gone, and then takes the name of its ordinal. Older output may still use the provisional name.
 */
export async function resolveTarget(deps: LogDeps, target: Target): Promise<Target> {
  const { kind, namespace, name } = target;
  if (kind === "service" || !name.endsWith("-next") || deps.store.get("instance", namespace, name)) {
    return target;
  }
  return (await keptOf(deps, target)).length > 0
    ? target
    : { ...target, name: name.slice(0, -"-next".length) };
}

/** The service of a target: the service itself, or the one whose instance has or had this name. */
export function serviceOf(store: Reader, { kind, namespace, name }: Target): Service | undefined {
  if (kind === "service") return store.get("service", namespace, name);
  const instance = store.get("instance", namespace, name);
  const service = instance?.spec.service ?? parseInstanceName(name)?.service;
  return service === undefined ? undefined : store.get("service", namespace, service);
}

/**
 * The kept logs of the target's earlier instances, the latest first. Those of an earlier service with the
 * same name are excluded.
 */
async function keptOf(deps: LogDeps, target: Target): Promise<KeptLog[]> {
  const service = serviceOf(deps.store, target);
  const all = service && await deps.keptLogs?.list(service.uid) || [];
  return target.kind === "service" ? all : all.filter(({ instance }) => instance === target.name);
}

function isGone({ store }: LogDeps, { kind, namespace, name }: Target): boolean {
  return kind === "instance" && store.get("instance", namespace, name) === undefined;
}

/**
 * The runs of some instances. An unreachable runner contributes none; opening its log will report the
 * failure.
 */
async function runsOf(
  { nodes }: LogDeps,
  instances: Instance[],
  signal: AbortSignal,
): Promise<RunState[]> {
  const uids = new Set(instances.map(({ uid }) => uid));
  const names = new Set(instances.map(({ spec }) => spec.runner));
  const listed = await Promise.all(
    [...names].map((name) => findNode({ nodes }).runners.get(name)?.list(signal).catch(() => []) ?? []),
  );
  return listed.flat().filter(({ instanceUid }) => uids.has(instanceUid));
}

const RUNNING = ["Running", "Unhealthy", "Stopping"];

function currentSources({ deps, instances, kept, runs }: Known): LogSources {
  const found: LogSources = { sources: [], without: [] };
  for (const instance of instances) {
    const { status, name } = instance;
    const run = runs.find((r) => r.instanceUid === instance.uid && r.run === status.run && !r.step);
    if (status.run > 0 && (run?.state === "running" || RUNNING.includes(status.state))) {
      found.sources.push(liveSource(deps, instance));
      continue;
    }
    const last = lastEnded(instance, { deps, kept, runs });
    if (last) found.sources.push(last.source);
    else found.without.push(`${name} has not run yet: it is ${status.state}${why(status.message)}`);
  }
  if (instances.length > 0) return found;
  for (const log of latestOfOrdinals(kept)) found.sources.push(keptSource(deps, log));
  if (found.sources.length === 0) found.without.push("it has no instance, and none has run before");
  return found;
}

const why = (message: string | undefined) => message === undefined ? "" : ` (${message})`;

function previousSources({ deps, target, instances, kept, runs }: Known): LogSources {
  const latest = new Map<number, { endedAt: number; source: LogSource }>();
  const offer = (ordinal: number, ended: { endedAt: number; source: LogSource } | undefined) => {
    if (ended && ended.endedAt >= (latest.get(ordinal)?.endedAt ?? 0)) latest.set(ordinal, ended);
  };
  for (const instance of instances) {
    offer(instance.spec.ordinal, lastEnded(instance, { deps, kept: [], runs }));
  }
  const scaledTo = Math.max(0, ...instances.map(({ spec }) => spec.ordinal + 1));
  for (const log of latestOfOrdinals(kept)) {
    // While other ordinals run, a removed ordinal has no previous run. After a stop, all ordinals have one.
    if (instances.length > 0 && log.ordinal >= scaledTo) continue;
    const source = keptSource(deps, log, { generation: true });
    offer(log.ordinal, { endedAt: Date.parse(log.endedAt), source });
  }
  if (latest.size === 0) {
    throw new RuneError("not_found", `no instance of ${describeKey(target)} had a run before this one`, {
      hint: "leave out --previous to read the current run",
    });
  }
  const ordered = [...latest].sort(([a], [b]) => a - b);
  return { sources: ordered.map(([, { source }]) => source), without: [] };
}

/** The last ended run of an instance or, if it has none, of the instance that had its name before. */
function lastEnded(
  instance: Instance,
  { deps, kept, runs }: Pick<Known, "deps" | "kept" | "runs">,
): { endedAt: number; source: LogSource } | undefined {
  const { uid, name } = instance;
  const [run] = runs.filter((r) => r.instanceUid === uid && r.step === undefined && r.state === "exited")
    .sort((a, b) => b.run - a.run);
  if (run) {
    const ended = { endedAt: run.finishedAt, how: howEnded(run, { byRune: false }) };
    const source = runSource(deps, instance, {
      ref: { instanceUid: uid, run: run.run },
      note: lastOutput(name, ended),
      silence: `${name} ${ended.how}${ago(ended.endedAt)}, and printed nothing`,
    });
    return { endedAt: Date.parse(run.finishedAt ?? ""), source };
  }
  const log = kept.find((k) => k.instance === name && k.step === undefined);
  return log && { endedAt: Date.parse(log.endedAt), source: keptSource(deps, log) };
}

function latestOfOrdinals(kept: KeptLog[]): KeptLog[] {
  const latest = new Map<number, KeptLog>();
  for (const log of kept) {
    if (log.step === undefined && !latest.has(log.ordinal)) latest.set(log.ordinal, log);
  }
  return [...latest.values()].sort((a, b) => a.ordinal - b.ordinal);
}

/**
 * The last attempts of an init step before each instance's current run or, with `previous`, before the run
 * before it.
 */
function stepSources(
  { deps, target, instances, kept, runs }: Known,
  wanted: string,
  previous: boolean,
): LogSources {
  const known = new Set([
    ...instances.flatMap((i) => i.spec.template.initSteps.map((step) => step.name)),
    ...serviceOf(deps.store, target)?.spec.initSteps.map((step) => step.name) ?? [],
    ...kept.flatMap(({ step }) => step ?? []),
  ]);
  if (!known.has(wanted)) {
    throw new RuneError("not_found", `${target.kind} ${describeKey(target)} has no init step "${wanted}"`, {
      hint: known.size === 0 ? "it has none" : `it has: ${[...known].join(", ")}`,
    });
  }
  const found: LogSources = { sources: [], without: [] };
  for (const instance of instances) {
    const { uid, name, status } = instance;
    const run = status.run - (previous ? 1 : 0);
    const [last] = runs.filter((r) =>
      r.instanceUid === uid && r.run === run && r.step !== undefined && parseStepKey(r.step).name === wanted
    ).sort((a, b) => parseStepKey(b.step!).attempt - parseStepKey(a.step!).attempt);
    const log = last ? undefined : kept.find((k) => previous && k.instance === name && k.step === wanted);
    const silence = `init step ${wanted} of ${name} has printed nothing`;
    if (last) {
      const ref = { instanceUid: uid, run, step: last.step! };
      found.sources.push(runSource(deps, instance, { ref, silence }));
    } else if (log) found.sources.push(keptSource(deps, log));
    else found.without.push(`init step ${wanted} of ${name} was not reached${why(status.message)}`);
  }
  if (instances.length === 0) {
    for (const log of kept) if (log.step === wanted) found.sources.push(keptSource(deps, log));
    if (found.sources.length === 0) found.without.push(`init step ${wanted} was not reached`);
  }
  return found;
}

function liveSource(deps: LogDeps, instance: Instance): LogSource {
  const { uid, name, status: { run } } = instance;
  const ref = { instanceUid: uid, run };
  return runSource(deps, instance, { ref, silence: `${name} runs, and has printed nothing yet` });
}

function runSource(
  { nodes }: LogDeps,
  instance: Instance,
  { ref, ...words }: { ref: RunRef; note?: string; silence: string },
): LogSource {
  return {
    instance: instance.name,
    ...words,
    open: (options) => openRun(nodes, { instance, ref, options }),
  };
}

/** Opens the log of one run; undefined if the run never existed, or is gone. */
export async function openRun(
  nodes: LogDeps["nodes"],
  { instance, ref, options }: { instance: Instance; ref: RunRef; options: LogOptions },
): Promise<ReadableStream<LogEntry> | undefined> {
  try {
    return await runnerFor(instance, nodes).logs(ref, options);
  } catch (error) {
    if (error instanceof RuneError && error.code === "not_found") return undefined;
    throw error;
  }
}

function keptSource(
  { keptLogs }: LogDeps,
  log: KeptLog,
  { generation = false }: { generation?: boolean } = {},
): LogSource {
  const step = log.step === undefined ? "" : `init step ${log.step} of `;
  const name = `${step}${log.instance}${generation ? ` (generation ${log.generation})` : ""}`;
  return {
    instance: log.instance,
    note: lastOutput(name, log),
    silence: `${name} ${log.how}${ago(log.endedAt)}, and printed nothing`,
    async open(options) {
      return ReadableStream.from(selectEntries(await keptLogs!.read(log), options));
    },
  };
}

function lastOutput(name: string, { how, endedAt }: { how: string; endedAt: string | undefined }): string {
  return `${name} ${how}${ago(endedAt)}; this is its last output`;
}

const ago = (at: string | undefined) =>
  at === undefined ? "" : ` ${formatAge(Date.now() - Date.parse(at))} ago`;
