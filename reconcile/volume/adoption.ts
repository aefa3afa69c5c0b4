/**
 * Checks runs that an earlier daemon started on a volume. Before the volume is mounted, its node compares
 * what each run has mounted with the volume's current directory. A run that has another directory mounted,
 * for example after the volume was moved away and restored, would write data that nobody sees.
 * @module
 */
import { volumeKeyOf } from "../../model/claim_names.ts";
import { RuneError } from "../../model/error.ts";
import { stepKey } from "../../model/init_step.ts";
import { type Instance, mountsOf } from "../../model/instance.ts";
import { describeKey } from "../../model/resource.ts";
import type { Volume } from "../../model/volume.ts";
import type { Node } from "../../node/node.ts";
import type { ExpectedMounts } from "../../node/volumes.ts";
import type { RunRef } from "../../runners/runner.ts";
import type { Reader, Store } from "../../store/store.ts";
import { recordEvent } from "../events.ts";
import { stopRun } from "../instance/stop.ts";

/** The possible runs of the volume's holders, with the paths of the volume that each must have mounted. */
export function findHolderRuns(volume: Volume, store: Reader): ExpectedMounts[] {
  const holders = store.get("lease", volume.namespace, volume.name)?.spec.holders ?? [];
  return holders.flatMap(({ instanceUid, namespace }) => {
    // If the instance is gone, the sweep ends its runs before anyone else gets the volume.
    const instance = store.list("instance", namespace).find(({ uid }) => uid === instanceUid);
    if (!instance) return [];
    const subPaths = mountsOf(instance)
      .filter((mount) => describeKey(volumeKeyOf(mount, instance)) === describeKey(volume))
      .map(({ subPath }) => subPath);
    return runsOf(instance).map((run) => ({ runner: instance.spec.runner, run, subPaths }));
  });
}

/** The runs that an instance may currently have. */
function runsOf({ uid, status: { run, init } }: Instance): RunRef[] {
  const main = run > 0 ? [{ instanceUid: uid, run }] : [];
  if (init?.step === undefined) return main;
  return [...main, { instanceUid: uid, run: init.run, step: stepKey(init.step, init.attempt ?? 1) }];
}

/** Stops a run that has another directory mounted than the volume's, and records why. */
export async function stopStranger(
  volume: Volume,
  { run: ref, directory, store, node, signal }: {
    run: RunRef;
    /** The volume's current directory. */
    directory: string;
    store: Store;
    node: Node;
    signal: AbortSignal;
  },
): Promise<void> {
  const instance = findInstance(store, ref);
  // The instance was removed meanwhile, and its run with it.
  if (!instance) return;
  const message = `run ${ref.run} had another directory mounted than ${directory}, which volume ` +
    `${describeKey(volume)} is now, and was stopped: what it wrote since is in the former one`;
  // Record the event first: if the daemon dies in between, it appears twice rather than never.
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
  const runner = node.runners.get(instance.spec.runner)!;
  const after = await stopRun(ref, { instance, service, store, runner, signal });
  if (after.state !== "running") return;
  throw new RuneError(
    "unavailable",
    `${describeKey(instance)} has another directory mounted and cannot be stopped`,
  );
}

/** The error when a run's mounts cannot be determined, with what to do. */
export function explainUnclear(
  volume: Volume,
  { run: { instanceUid }, store }: { run: RunRef; store: Reader },
): RuneError {
  const instance = findInstance(store, { instanceUid });
  const { namespace = volume.namespace } = instance ?? {};
  const name = instance ? describeKey(instance) : `instance ${instanceUid}`;
  const stop = instance ? `stop it (rune restart ${instance.spec.service} -n ${namespace})` : "stop it";
  return new RuneError(
    "unavailable",
    `${name} still runs, and it cannot be told whether what it has mounted is volume ${describeKey(volume)}`,
    {
      hint: `${stop}, or run the daemon on the host of the Engine, in the host's pid namespace`,
    },
  );
}

function findInstance(store: Reader, { instanceUid }: Pick<RunRef, "instanceUid">): Instance | undefined {
  return store.list("instance").find(({ uid }) => uid === instanceUid);
}
