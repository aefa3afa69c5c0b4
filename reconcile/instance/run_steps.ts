/** Steps that a runner may refuse. If it does, the status reports that. @module */
import { sameValue } from "../../model/changes.ts";
import { RuneError, toRuneError } from "../../model/error.ts";
import type { Outcome } from "../outcome.ts";
import { stopRun } from "./stop.ts";
import { settle, writeStatus } from "./write_status.ts";
import type { Call } from "./pass.ts";
import type { InstanceStep } from "./view.ts";

/**
 * Publishes a run's names. If that fails, the status reports the failure and the instance as not ready.
 */
export async function publish(
  { publication, then }: Extract<InstanceStep, { do: "publish" }>,
  { view: { instance }, deps, runner, published, signal }: Call,
): Promise<Outcome | undefined> {
  const ref = { instanceUid: instance.uid, run: instance.status.run };
  const ip = instance.status.ip;
  try {
    // Publishing the same names again would only disconnect the run from its network again.
    if (sameValue(publication, published)) {
      throw new RuneError("internal", "its runner shows other names than it was given");
    }
    await runner.publish!(ref, { ...publication, ...(ip !== undefined && { ip }), signal });
    return undefined;
  } catch (thrown) {
    const error = toRuneError(thrown);
    if (signal.aborted || error.code === "unavailable") throw thrown;
    const why = `its names cannot be changed on the network: ${error.message}`;
    const message = then.ready ? why : `${then.message ?? "it is not ready"}; ${why}`;
    const status = { ...then, ready: false, message };
    await settle(deps.store, { instance, step: { do: "settle", status } });
    return { type: "failed", error };
  }
}

/** Stops a run. If that fails, the status reports it. */
export async function kill(
  { run, atOnce }: Extract<InstanceStep, { do: "kill" }>,
  { view, deps, runner, signal }: Call,
): Promise<Outcome | undefined> {
  const { instance } = view;
  try {
    await stopRun({ instanceUid: instance.uid, run }, {
      ...view,
      ...(atOnce && { atOnce }),
      store: deps.store,
      runner,
      signal,
    });
    return undefined;
  } catch (thrown) {
    const error = toRuneError(thrown);
    if (signal.aborted || error.code === "unavailable") throw thrown;
    await writeStatus(
      deps.store,
      instance,
      (s) => ({ ...s, message: `it cannot be ended: ${error.message}` }),
    );
    return { type: "failed", error };
  }
}
