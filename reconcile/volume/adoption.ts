/**
 * Runs that an earlier daemon started on a volume: before it is given to anybody they are held against the directory that it is
 * now. One that has another mounted, as after the volume's was moved away and restored, writes what nobody will see.
 * @module
 */
import { volumeKeyOf } from "../../model/claim_names.ts";
import type { Whereabouts } from "../../drivers/open_directory.ts";
import { type FilesystemPlace, hasMounted, placeBelow } from "../../node/mounts/run_mounts.ts";
import type { Runner, RunRef, RunState } from "../../runners/runner.ts";
import { RuneError } from "../../model/error.ts";
import { stepKey } from "../../model/init_step.ts";
import { type Instance, mountsOf, type RunnerName } from "../../model/instance.ts";
import { describeKey } from "../../model/resource.ts";
import type { Volume } from "../../model/volume.ts";
import type { Store } from "../../store/store.ts";
import { recordEvent } from "../events.ts";
import { stopRun } from "../instance/stop.ts";

/** What it works with. */
export interface AdoptionDeps {
  store: Store;
  runners: ReadonlyMap<RunnerName, Runner>;
}

/**
 * Stops every run of the volume's holders that has another directory mounted than the volume's.
 *
 * @param where the volume's directory now.
 * @throws {RuneError} `unavailable` when a run lives and cannot be asked: then nothing is known.
 */
export async function stopStrangers(
  volume: Volume,
  { where, deps, signal }: { where: Whereabouts; deps: AdoptionDeps; signal: AbortSignal },
): Promise<void> {
  const { store, runners } = deps;
  const holders = store.get("lease", volume.namespace, volume.name)?.spec.holders ?? [];
  for (const { instanceUid, namespace } of holders) {
    // Without an instance the sweep ends its runs before anybody else gets the volume.
    const instance = store.list("instance", namespace).find(({ uid }) => uid === instanceUid);
    const runner = instance && runners.get(instance.spec.runner);
    if (!runner) continue;
    const expected = mountsOf(instance)
      .filter((mount) => describeKey(volumeKeyOf(mount, instance)) === describeKey(volume))
      .map(({ subPath }) => placeBelow(where, subPath));
    for (const ref of runsOf(instance)) {
      const state = await runner.inspect(ref, signal);
      if (state.state !== "running") continue;
      const same = await compare(state, { runner, expected });
      if (same === "unknown") throw cannotTell(instance, volume);
      if (!same) await stop(ref, { instance, volume, where, runner, deps, signal });
    }
  }
}

/** The runs that an instance may have now. */
function runsOf({ uid, status: { run, init } }: Instance): RunRef[] {
  const main = run > 0 ? [{ instanceUid: uid, run }] : [];
  if (init?.step === undefined) return main;
  return [...main, { instanceUid: uid, run: init.run, step: stepKey(init.step, init.attempt ?? 1) }];
}

async function compare(
  { pid, handle }: RunState,
  { runner, expected }: { runner: Runner; expected: FilesystemPlace[] },
): Promise<boolean | "unknown"> {
  // The daemon of an ordinary user mounts nothing for processes: they have their volumes in place, where the host has them.
  if (runner.name === "process" && Deno.uid() !== 0) return true;
  const container = runner.name === "docker" ? handle ?? "" : undefined;
  const known = pid === undefined
    ? "unknown"
    : await hasMounted({ pid, ...(container !== undefined && { container }) }, expected);
  // An ordinary user may not look into others' processes: it goes by what the runner says.
  return known === "unknown" && Deno.uid() !== 0 ? true : known;
}

async function stop(
  ref: RunRef,
  { instance, volume, where, runner, deps: { store }, signal }: {
    instance: Instance;
    volume: Volume;
    where: Whereabouts;
    runner: Runner;
    deps: AdoptionDeps;
    signal: AbortSignal;
  },
): Promise<void> {
  const message = `run ${ref.run} had another directory mounted than ${where.path}, which volume ` +
    `${describeKey(volume)} is now, and was stopped: what it wrote since is in the former one`;
  // Said first: a daemon that dies in between says it twice rather than never.
  await store.transact((tx) => {
    for (const object of [instance, volume]) {
      recordEvent(tx, {
        namespace: object.namespace,
        object,
        type: "Warning",
        reason: "MountedElsewhere",
        message,
      });
    }
  });
  const service = store.get("service", instance.namespace, instance.spec.service);
  const after = await stopRun(ref, { instance, service, store, runner, signal });
  if (after.state !== "running") return;
  throw new RuneError(
    "unavailable",
    `${describeKey(instance)} has another directory mounted and cannot be stopped`,
  );
}

function cannotTell(instance: Instance, volume: Volume): RuneError {
  return new RuneError(
    "unavailable",
    `${describeKey(instance)} still runs, and it cannot be told whether what it has mounted is volume ` +
      describeKey(volume),
    {
      hint:
        `stop it (rune restart ${instance.spec.service} -n ${instance.namespace}), or run the daemon on the host ` +
        "of the Engine, in the host's pid namespace",
    },
  );
}
