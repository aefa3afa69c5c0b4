/** Waiting for the services that an instance depends on, before its first run and never after (SPEC 3). @module */
import { dependencyRef } from "../../spec/dependencies.ts";
import type { Instance, InstanceStatus } from "../../spec/instance.ts";
import { failedJob, meets } from "../../spec/dependency_state.ts";
import { describeKey } from "../../spec/resource.ts";
import type { Service, ServiceSpec } from "../../spec/service.ts";
import type { Reader } from "../../store/store.ts";
import { waitedMs } from "../clock.ts";
import type { InstanceView } from "./plan.ts";

/** How long an optional dependency is waited for when it says nothing of it, in seconds. */
const OPTIONAL_SECONDS = 60;

/** One dependency and what is there of it. */
export interface DependencyView {
  dependency: ServiceSpec["dependencies"][number];
  namespace: string;
  name: string;
  service: Service | undefined;
  instances: Instance[];
}

/** What is there of a service's dependencies. */
export function observeDependencies(service: Service, store: Reader): DependencyView[] {
  return service.spec.dependencies.map((dependency) => {
    const ref = dependencyRef(dependency, service.namespace);
    const found = store.get("service", ref.namespace, ref.name);
    return {
      dependency,
      ...ref,
      service: found,
      instances: found
        ? store.list("instance", ref.namespace).filter((i) => i.spec.serviceUid === found.uid)
        : [],
    };
  });
}

/** Whether a dependency is what it is waited for to be. */
export function isMet({ dependency, service, instances }: DependencyView): boolean {
  return service !== undefined && meets(dependency.readyWhen, { service, instances });
}

/** What a dependency is waited for, in words: `default/db to be healthy (it is Pending)`. */
function wordsFor({ dependency, service, ...key }: DependencyView): string {
  const { readyWhen } = dependency;
  const state = service?.status.state;
  const advice = state === "Completed" && readyWhen === "healthy" ? "; say readyWhen: completed" : "";
  const now = service ? `it is ${state}${advice}` : "it does not exist; cast it";
  const past = readyWhen === "started" || readyWhen === "completed";
  const wanted = past ? `to have ${readyWhen}` : `to be ${readyWhen}`;
  return `${describeKey(key)} ${wanted} (${now})`;
}

/** Why a service that is waited for to complete never will, as it is now; undefined while it may. */
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

/** The status of an instance that waits for its dependencies, or undefined when it may run. */
export function awaitDependencies(
  { instance, dependencies = [], now }: InstanceView,
): { status: InstanceStatus; afterMs?: number } | undefined {
  const waited = waitedMs(instance.createdAt, now);
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
  const { reason: _r, message: _m, ...kept } = instance.status;
  const hopeless = missing.find((d) => neverCompletes(d) !== undefined);
  if (hopeless) {
    const message = `waits for ${describeKey(hopeless)} to have completed, but ${neverCompletes(hopeless)}`;
    return { status: { ...kept, state: "Failed", ready: false, reason: "DependencyFailed", message } };
  }
  const timers = missing.map((d) => (limitMs(d) ?? 0) - waited).filter((ms) => ms > 0);
  return {
    status: {
      ...kept,
      state: late.length === 0 ? "Pending" : "Failed",
      ready: false,
      reason: "DependencyNotReady",
      message,
    },
    ...(timers.length > 0 && { afterMs: Math.min(...timers) + 1 }),
  };
}
