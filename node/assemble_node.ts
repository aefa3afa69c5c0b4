/**
 * Assembles a node from its parts. Only this file wraps drivers and runners, so that every call has a
 * deadline, is counted, and resolves secrets for drivers. It builds the node of this machine and in-memory
 * nodes.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Driver } from "../drivers/driver.ts";
import type { RunnerName } from "../model/instance.ts";
import type { Runner } from "../runners/runner.ts";
import type { SecretReader } from "../store/secrets/vault.ts";
import { showDrivers, wrapDrivers } from "./driver_calls.ts";
import type { Installation } from "./installation.ts";
import type { HostView } from "./mounts/host_view.ts";
import { createLocalVolumes } from "./mounts/local_volumes.ts";
import type { VolumeParts } from "./mounts/volume_parts.ts";
import type { Node } from "./node.ts";
import type { NodeObserver } from "./observer.ts";
import { createPauses } from "./probes/pauses.ts";
import { createProber } from "./probes/prober.ts";
import { showRunner, wrapRunner } from "./runner_calls.ts";

/** The parts of a node. */
export interface NodeParts
  extends Pick<Node, "name" | "labels" | "bootId" | "containsProcesses" | "files" | "proxy"> {
  installation: Installation;
  /** Unwrapped drivers; the node wraps them. */
  drivers: ReadonlyMap<string, Driver>;
  runners: ReadonlyMap<RunnerName, Runner>;
  stage: VolumeParts["stage"];
  holds: VolumeParts["holds"];
  /** Default: this host. */
  host?: HostView;
  /** Resolves secret references in storage parameters. */
  secrets: SecretReader;
  clock: Clock;
  /** Called after each counted call. Default: none. */
  observer?: NodeObserver;
}

/** A node that can be closed. */
export interface AssembledNode extends Node {
  /** Stops its probes. The creator of the parts closes them. */
  close(): Promise<void>;
}

/** See the module comment. */
export function assembleNode(parts: NodeParts): AssembledNode {
  const { name, labels, bootId, containsProcesses, files, proxy, stage, holds, host } = parts;
  const { secrets, clock, observer } = parts;
  const pauses = createPauses();
  const runners = new Map(
    [...parts.runners].map(([key, runner]) => [
      key,
      pauses.observe(wrapRunner(runner, { ...(observer && { onCall: observer.runnerCall }) })),
    ]),
  );
  const drivers = wrapDrivers(parts.drivers, {
    node: name,
    installation: parts.installation,
    secrets,
    ...(observer && { onCall: observer.driverCall }),
  });
  const prober = createProber({ runners, pauses, clock, ...(observer && { observer: observer.probes }) });
  return {
    ...{ name, labels, bootId, containsProcesses, files, proxy },
    runners: new Map([...runners].map(([key, runner]) => [key, showRunner(runner)])),
    drivers: showDrivers(drivers),
    volumes: createLocalVolumes({ drivers, runners, stage, holds, ...(host && { host }) }),
    probes: prober,
    close: () => prober.stop(),
  };
}
