/**
 * Waits for the services that an instance depends on, before its first run and after everything was down, but
 * not after its own crash: docs/services.md, "Dependencies".
 * @module
 */
import { dependencyRef } from "../../model/dependencies.ts";
import type { InstanceStatus } from "../../model/instance.ts";
import { failedJob, isDependencyMet } from "../../model/dependency_state.ts";
import { describeKey } from "../../model/resource.ts";
import type { Service } from "../../model/service.ts";
import type { Reader } from "../../store/store.ts";
import { waitedMs } from "../../base/clock.ts";
import { type Belief, isBelieved, isDownWithAll } from "./looks.ts";
import type { DependencyView, InstanceView } from "./view.ts";

/** Default wait for an optional dependency, in seconds. */
const OPTIONAL_SECONDS = 60;

/** Observes the dependencies of a service. */
export function observeDependencies(
  service: Service,
  { store, ...belief }: Belief & { store: Reader },
): DependencyView[] {
  return service.spec.dependencies.map((dependency) => {
    const ref = dependencyRef(dependency, service.namespace);
    const found = store.get("service", ref.namespace, ref.name);
    const own = found
      ? store.list("instance", ref.namespace).filter((i) => i.spec.serviceUid === found.uid)
      : [];
    const instances = own.filter((i) => isBelieved(i, belief));
    return {
      dependency,
      ...ref,
      service: found,
      instances,
      ...(instances.length < own.length && { unseen: true as const }),
    };
  });
}

/** Whether a dependency is in the required state. */
export function isMet({ dependency, service, instances }: DependencyView): boolean {
  return service !== undefined && isDependencyMet(dependency.readyWhen, { service, instances });
}

/** Describes an unmet dependency: `default/db to be healthy (it is Pending)`. */
function wordsFor({ dependency, service, unseen, ...key }: DependencyView): string {
  const { readyWhen } = dependency;
  const state = service?.status.state;
  const advice = state === "Completed" && readyWhen === "healthy" ? "; say readyWhen: completed" : "";
  const is = unseen ? "it was down, too" : `it is ${state}${advice}`;
  const now = service ? is : "it does not exist; cast it";
  const past = readyWhen === "started" || readyWhen === "completed";
  const wanted = past ? `to have ${readyWhen}` : `to be ${readyWhen}`;
  return `${describeKey(key)} ${wanted} (${now})`;
}

/** Why a service that must complete never will in its current form; undefined while it may complete. */
function neverCompletes({ dependency, service, instances, namespace, name }: DependencyView) {
  if (dependency.readyWhen !== "completed" || !service) return undefined;
  if (service.spec.restart === "always") {
    return "it is started again whenever it ends: say restart: never or on-failure there, or readyWhen: healthy here";
  }
  const failed = failedJob(service, instances);
  if (!failed) return undefined;
  const { exitCode, message = "it failed", logs } = failed.status.lastFailure ?? {};
  const how = exitCode === undefined ? message : `it failed with exit code ${exitCode}`;
  return `${how}; ${
    logs === undefined ? "it printed nothing" : `see: ${logs}`
  }; then cast it corrected, or run it again: ` +
    `rune restart ${name} -n ${namespace}`;
}

/**
 * Wait before the next check of dependencies whose stored state is older than an outage, in milliseconds.
 * Their own passes are observing them.
 */
const LOOK_MS = 200;

/** The status of an instance that waits for its dependencies, or undefined if it may run. */
export function awaitDependencies(
  { instance, dependencies = [], bootId = "", now }: InstanceView,
): { status: InstanceStatus; afterMs?: number } | undefined {
  const { run, state, reason, awaitsSince } = instance.status;
  const waits = reason === "DependencyNotReady" || reason === "DependencyFailed";
  if (run > 0 && !waits && !isDownWithAll(instance.status, bootId)) return undefined;
  const since = run === 0 ? instance.createdAt : awaitsSince ?? now.toISOString();
  const waited = waitedMs(since, now);
  const limitMs = ({ dependency: { optional, timeoutSeconds } }: DependencyView) => {
    const seconds = timeoutSeconds ?? (optional ? OPTIONAL_SECONDS : undefined);
    return seconds === undefined ? undefined : seconds * 1000;
  };
  const isLate = (d: DependencyView) => waited >= (limitMs(d) ?? Infinity);
  const missing = dependencies.filter((d) => {
    if (isMet(d) || (d.dependency.optional && neverCompletes(d))) return false;
    return !d.dependency.optional || (d.service !== undefined && d.service.spec.scale > 0 && !isLate(d));
  });
  if (missing.length === 0) return undefined;
  const late = missing.filter(isLate);
  const list = missing.map(wordsFor).join(", and ");
  const message = late.length === 0
    ? `waits for ${list}`
    : `waited ${
      Math.max(...late.map((d) => limitMs(d)! / 1000))
    } s in vain for ${list}; it starts when that comes`;
  const { reason: _r, message: _m, ...before } = instance.status;
  const kept = { ...before, ...(run > 0 && { awaitsSince: since }) };
  // Keep the intent: the same run continues later, so it can never exist twice.
  const stateOf = (waiting: "Pending" | "Failed") => state === "Starting" ? state : waiting;
  const hopeless = missing.find((d) => neverCompletes(d) !== undefined);
  if (hopeless) {
    const message = `waits for ${describeKey(hopeless)} to have completed, but ${neverCompletes(hopeless)}`;
    return {
      status: { ...kept, state: stateOf("Failed"), ready: false, reason: "DependencyFailed", message },
    };
  }
  const timers = missing.map((d) => (limitMs(d) ?? 0) - waited).filter((ms) => ms > 0);
  if (missing.some((d) => d.unseen)) timers.push(LOOK_MS);
  return {
    status: {
      ...kept,
      state: stateOf(late.length === 0 ? "Pending" : "Failed"),
      ready: false,
      reason: "DependencyNotReady",
      message,
    },
    ...(timers.length > 0 && { afterMs: Math.min(...timers) + 1 }),
  };
}
