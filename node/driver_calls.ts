/**
 * The drivers of a node as seen from outside the node: each call has a deadline, is counted, and passes the
 * values of secrets instead of references.
 * @module
 */
import type { Driver, VolumeContext } from "../drivers/driver.ts";
import { assertItsFilesystem } from "../drivers/filesystem_guard.ts";
import type { SecretReader } from "../store/secrets/vault.ts";
import type { Installation } from "./installation.ts";
import type { AccountCallName, LocalDriver, NodeDriver, VolumeCallName } from "./node_driver.ts";
import { readSnapshotEvents } from "./snapshot_events.ts";
import type { AccountCall, VolumeCall } from "./volume_call.ts";
import { resolveAccount, resolveContext } from "./volume_context.ts";
import {
  AS_IT_IS,
  type CallRule,
  type CallTable,
  COPY,
  MINUTE,
  wrapCalls,
  type WrapOptions,
} from "./wrap_calls.ts";

/** One row for every member of a driver. A new member without a row does not compile. */
type DriverTable = {
  readonly [K in keyof CallTable<Driver>]: CallTable<Driver>[K] extends CallRule ?
      & CallRule
      & (K extends VolumeCallName ? { resolves: "volume"; guarded: boolean }
        : K extends AccountCallName ? { resolves: "account"; guarded: false }
        : { resolves: "nothing"; guarded: false })
    : CallTable<Driver>[K];
};

/**
 * The rule of every member of a driver. `resolves` says what its first argument describes with parameters.
 * `guarded` says whether the call is refused while another filesystem is where the volume's own was: all that
 * reach data are, but for `open`, whose caller judges what it has opened. See docs/decisions/0046.
 */
export const DRIVER_CALLS: DriverTable = {
  name: AS_IT_IS,
  capabilities: AS_IT_IS,
  // These check a declaration as written; the secret may be created later.
  validate: AS_IT_IS,
  directory: AS_IT_IS,
  normalizeParameters: AS_IT_IS,
  provision: { ms: COPY, counted: true, resolves: "volume", guarded: true },
  filesystem: { ms: MINUTE, counted: true, resolves: "volume", guarded: false },
  delete: { ms: COPY, counted: true, resolves: "volume", guarded: true },
  listTrash: { ms: 10 * MINUTE, counted: true, resolves: "nothing", guarded: false },
  listVolumes: { ms: 10 * MINUTE, counted: true, resolves: "account", guarded: false },
  attach: { ms: 10 * MINUTE, counted: true, resolves: "volume", guarded: false },
  detach: { ms: 10 * MINUTE, counted: true, resolves: "volume", guarded: false },
  // A filesystem check may run first.
  mount: { ms: 60 * MINUTE, counted: true, resolves: "volume", guarded: true },
  open: { ms: MINUTE, counted: true, resolves: "volume", guarded: false },
  unmount: { ms: 10 * MINUTE, counted: true, resolves: "volume", guarded: false },
  snapshot: { ms: COPY, counted: true, resolves: "volume", guarded: true },
  deleteSnapshot: { ms: COPY, counted: true, resolves: "volume", guarded: true },
  materialize: { ms: COPY, counted: true, resolves: "volume", guarded: true },
  expand: { ms: COPY, counted: true, resolves: "volume", guarded: true },
  exportData: { ms: 10 * MINUTE, counted: true, resolves: "volume", guarded: true },
  usage: { ms: 60 * MINUTE, counted: true, resolves: "volume", guarded: true },
};

/** The options of a node's drivers. */
export interface DriverOptions extends WrapOptions {
  /** Name of the node. */
  node: string;
  installation: Installation;
  /** Resolves references. */
  secrets: SecretReader;
}

/** Wraps a driver for callers outside the node. */
export function wrapDriver(
  driver: Driver,
  { node, installation, secrets, ...options }: DriverOptions,
): LocalDriver {
  const timed = wrapCalls(driver, {
    ...options,
    table: DRIVER_CALLS,
    async before(name, [ctx]) {
      const rule = DRIVER_CALLS[name];
      if (rule !== AS_IT_IS && rule.guarded) await assertItsFilesystem(driver, ctx as VolumeContext);
    },
  });
  const wrapped: Record<string, unknown> = { ...timed };
  for (const [name, rule] of Object.entries(DRIVER_CALLS)) {
    const call: unknown = Reflect.get(timed, name);
    if (rule === AS_IT_IS || rule.resolves === "nothing" || typeof call !== "function") continue;
    wrapped[name] = rule.resolves === "account"
      ? async (described: AccountCall) => await call(await resolveAccount(described, secrets))
      : async (described: VolumeCall, ...rest: unknown[]) => {
        const context = await resolveContext(described, { node, installation: installation.name, secrets });
        if (driver.capabilities.usesInstallation) await installation.keep();
        return await call(context, ...rest);
      };
  }
  return wrapped as LocalDriver;
}

/** Wraps all drivers with {@linkcode wrapDriver}, by name. */
export function wrapDrivers(
  drivers: ReadonlyMap<string, Driver>,
  options: DriverOptions,
): ReadonlyMap<string, LocalDriver> {
  return new Map([...drivers].map(([name, driver]) => [name, wrapDriver(driver, options)]));
}

/** The drivers without the members that stay inside the node. */
export function showDrivers(drivers: ReadonlyMap<string, LocalDriver>): ReadonlyMap<string, NodeDriver> {
  return new Map([...drivers].map(([name, driver]) => {
    const { open: _, snapshot, ...shown } = driver;
    const takeSnapshot: NodeDriver["takeSnapshot"] = (call, ref) =>
      readSnapshotEvents((onCopied) => snapshot(call, ref, { onCopied }));
    return [name, { ...shown, takeSnapshot }];
  }));
}
