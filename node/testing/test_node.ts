/** A node of a test: the real assembly of parts of which the test gives those that it is about. @module */
import { createClock } from "../../base/clock.ts";
import { DirectoryHolds } from "../../drivers/directory_hold.ts";
import type { Driver } from "../../drivers/driver.ts";
import type { RunnerName } from "../../model/instance.ts";
import type { Runner } from "../../runners/runner.ts";
import { type AssembledNode, assembleNode, type NodeParts } from "../assemble_node.ts";
import { PlainStage } from "../mounts/bind_stage.ts";
import { createRunFiles } from "../run_files.ts";
import { fixedSecrets } from "./drivers.ts";
import { NO_PROXY } from "./no_proxy.ts";
import { fixedInstallation } from "./installation.ts";

/** What a test gives. */
export interface TestNodeParts extends Partial<Omit<NodeParts, "drivers" | "runners">> {
  /** Below it the node keeps what it needs; exists. */
  directory: string;
  /** Default: none. */
  drivers?: readonly Driver[];
  runners?: readonly Runner[];
}

/** The node `n1`; it shows real paths, and holds directories in a place of its own. */
export function makeTestNode(
  { directory, drivers = [], runners = [], ...given }: TestNodeParts,
): AssembledNode {
  return assembleNode({
    name: "n1",
    installation: fixedInstallation("n1"),
    labels: {},
    bootId: "boot",
    containsProcesses: true,
    stage: new PlainStage(),
    holds: new DirectoryHolds({ daemonId: "d", dataDir: directory }, {
      place: `${directory}/run/rune/held`,
    }),
    files: createRunFiles({ root: `${directory}/files` }),
    secrets: fixedSecrets(),
    clock: createClock(),
    proxy: NO_PROXY,
    ...given,
    drivers: new Map(drivers.map((driver) => [driver.name, driver])),
    runners: new Map(runners.map((runner): [RunnerName, Runner] => [runner.name, runner])),
  });
}
