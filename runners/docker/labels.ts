/** Names and labels by which a daemon recognizes its own containers and networks. @module */
import { createHash } from "node:crypto";
import type { RunRef, RunSpec } from "../runner.ts";

/**
 * Every label that Rune sets. Networks have `daemon` and `namespace`. The mark on the Engine has `daemon` and
 * the last four.
 */
export const LABEL = {
  daemon: "rune.io/daemon",
  namespace: "rune.io/namespace",
  service: "rune.io/service",
  instance: "rune.io/instance",
  instanceUid: "rune.io/instance-uid",
  run: "rune.io/run",
  step: "rune.io/step",
  look: "rune.io/look",
  generation: "rune.io/generation",
  specHash: "rune.io/spec-hash",
  mark: "rune.io/mark",
  machine: "rune.io/machine",
  dataDir: "rune.io/data-dir",
  inode: "rune.io/inode",
} as const;

/** The labels of a run's container. */
export function runLabels(spec: RunSpec, daemonId: string): Record<string, string> {
  return {
    [LABEL.daemon]: daemonId,
    [LABEL.namespace]: spec.namespace,
    [LABEL.service]: spec.service,
    [LABEL.instance]: spec.instance,
    [LABEL.instanceUid]: spec.instanceUid,
    [LABEL.run]: String(spec.run),
    ...(spec.step !== undefined && { [LABEL.step]: spec.step }),
    [LABEL.generation]: String(spec.generation),
    [LABEL.specHash]: spec.specHash,
  };
}

/** Reads the run from labels; undefined if they are not a run's. */
export function refOf(labels: Record<string, string>): RunRef | undefined {
  const instanceUid = labels[LABEL.instanceUid];
  const run = Number(labels[LABEL.run]);
  const step = labels[LABEL.step];
  if (!instanceUid || !Number.isSafeInteger(run)) return undefined;
  return { instanceUid, run, ...(step !== undefined && { step }) };
}

/** The Engine's `filters` parameter for objects with all of these labels. */
export function labelFilter(labels: Record<string, string>, more: Record<string, string[]> = {}): string {
  return JSON.stringify({ ...more, label: Object.entries(labels).map(([key, value]) => `${key}=${value}`) });
}

/** Eight characters that identify a daemon in names, so that two daemons on one Engine never clash. */
function daemonTag(daemonId: string): string {
  return createHash("sha256").update(daemonId).digest("hex").slice(0, 8);
}

/**
 * `rune-<namespace>-<instance>-<first 8 of the uid>-<run>[-<step>]-<daemon>`. The name is for people; a run
 * is found by its labels.
 */
export function containerName(spec: RunSpec, daemonId: string): string {
  const run = spec.step === undefined ? `${spec.run}` : `${spec.run}-${spec.step}`;
  return `rune-${spec.namespace}-${spec.instance}-${spec.instanceUid.slice(0, 8)}-${run}-${
    daemonTag(daemonId)
  }`;
}

/** `rune-daemon-<daemon>`: the volume that marks the Engine. */
export function markName(daemonId: string): string {
  return `rune-daemon-${daemonTag(daemonId)}`;
}

/**
 * Identifies the network that all namespaces share, in place of a namespace. No namespace has this name.
 */
export const SHARED = "";

/** `rune-<namespace>-<daemon>`, and `rune_shared-<daemon>`. */
export function networkName(namespace: string, daemonId: string): string {
  if (namespace === SHARED) return `rune_shared-${daemonTag(daemonId)}`;
  return `rune-${namespace}-${daemonTag(daemonId)}`;
}
