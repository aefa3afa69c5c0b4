/** Finds the instances of a request for a service or an instance, and their runners. @module */
import type { NodeRunner } from "../../node/node_runner.ts";
import type { RunRef } from "../../runners/runner.ts";
import { findNode } from "../../node/placement.ts";
import { RuneError } from "../../model/error.ts";
import type { Instance } from "../../model/instance.ts";
import { describeKey } from "../../model/resource.ts";
import type { Reader } from "../../store/store.ts";
import { requireResource } from "../admission/preconditions.ts";
import type { ServerDeps } from "./deps.ts";

/** A service, meaning all its instances, or one instance. */
export interface Target {
  kind: "service" | "instance";
  namespace: string;
  name: string;
}

/** Whether an instance belongs to the target. */
export function isOf(instance: Instance, { kind, namespace, name }: Target): boolean {
  if (instance.namespace !== namespace) return false;
  return kind === "service" ? instance.spec.service === name : instance.name === name;
}

/**
 * The target's instances, by ordinal.
 *
 * @throws {RuneError} `not_found` when there is no such service or instance.
 */
export function instancesOf(store: Reader, target: Target): Instance[] {
  requireResource(store, target);
  return store.list("instance", target.namespace).filter((i) => isOf(i, target))
    .sort((a, b) => a.spec.ordinal - b.spec.ordinal);
}

/** The runner of an instance. @throws {RuneError} `unavailable` if this daemon has no such runner. */
export function runnerFor(instance: Instance, nodes: ServerDeps["nodes"]): NodeRunner {
  const runner = findNode({ nodes }).runners.get(instance.spec.runner);
  if (runner) return runner;
  throw new RuneError("unavailable", `this daemon has no ${instance.spec.runner} runner`);
}

/** The current run of an instance. */
export const currentRun = ({ uid, status }: Instance): RunRef => ({ instanceUid: uid, run: status.run });

const RUNNING = ["Running", "Unhealthy", "Paused", "Stopping"];

/**
 * The instance in which a command can run. For a service, any ready instance or, if there is none, any
 * running one.
 *
 * @throws {RuneError} `not_found`; `failed_precondition` if none runs, with the message of the instance.
 */
export function runningInstance(store: Reader, target: Target): Instance {
  const instances = instancesOf(store, target);
  const running = instances.filter((i) => i.status.run > 0 && RUNNING.includes(i.status.state));
  const chosen = running.find((i) => i.status.ready) ?? running[0];
  if (chosen) return chosen;
  const [first] = instances;
  const why = first ? `${first.name} is ${first.status.state}` : "it has none";
  throw new RuneError(
    "failed_precondition",
    `no instance of ${target.kind} ${describeKey(target)} is running: ${why}`,
    {
      hint: first?.status.message ?? `see rune describe ${target.kind} ${target.name} -n ${target.namespace}`,
    },
  );
}
