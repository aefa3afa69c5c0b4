/** Drivers of a node for tests, and secrets for them. @module */
import type { DataSource, Driver, VolumeContext } from "../../drivers/driver.ts";
import { RuneError } from "../../model/error.ts";
import type { SecretReader } from "../../store/secrets/vault.ts";
import { DRIVER_CALLS, showDrivers, wrapDrivers } from "../driver_calls.ts";
import type { NodeDriver } from "../node_driver.ts";
import { fixedInstallation } from "./installation.ts";

/** Secrets with fixed values. @param values by `namespace/name`, then by key; a test may change them. */
export function fixedSecrets(values: Record<string, Record<string, string>> = {}): SecretReader {
  return {
    readSecret(namespace, name) {
      const data = values[`${namespace}/${name}`];
      return data
        ? Promise.resolve(data)
        : Promise.reject(new RuneError("not_found", `there is no secret ${namespace}/${name}`));
    },
  };
}

/** Drivers of the node `n1` by their names. */
export function nodeDrivers(
  drivers: readonly Driver[],
  secrets: SecretReader = fixedSecrets(),
): ReadonlyMap<string, NodeDriver> {
  const wrapped = wrapDrivers(new Map(drivers.map((driver) => [driver.name, driver])), {
    installation: fixedInstallation("i1"),
    node: "n1",
    secrets,
  });
  return showDrivers(wrapped);
}

/** A driver that notes what it is called with, and what it was given. */
export interface NotingDriver {
  driver: Driver;
  calls: { call: string; parameters: Record<string, string> }[];
}

/**
 * A driver whose calls note their parameters and answer with what a caller needs to go on.
 *
 * @param name whose place it takes.
 * @param answers of single calls, in the place of a handle.
 */
export function noteCalls(name: string, answers: Record<string, () => unknown> = {}): NotingDriver {
  const calls: NotingDriver["calls"] = [];
  const members = Object.entries(DRIVER_CALLS).flatMap(([call, rule]) =>
    typeof rule === "string" || rule.resolves !== "volume" ? [] : [[
      call,
      async ({ parameters }: VolumeContext, source?: DataSource) => {
        calls.push({ call, parameters: { ...parameters } });
        if (source?.from === "archive") { for await (const _ of source.data); }
        return answers[call]?.() ?? { handle: `/data/${name}`, adopted: false };
      },
    ]]
  );
  const capabilities = {
    accessModes: ["ReadWriteOnce"],
    snapshots: true,
    sources: ["snapshot", "trash", "archive"],
  };
  return { calls, driver: { name, capabilities, ...Object.fromEntries(members) } as unknown as Driver };
}
