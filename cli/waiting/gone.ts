/** Waits until a resource that is being deleted is gone. @module */
import { startTimer } from "../../base/delay.ts";
import { RuneError } from "../../model/error.ts";
import { describeKey } from "../../model/kinds.ts";
import type { AnyResource } from "../../model/resource.ts";
import { watchResources } from "../client/api.ts";
import type { Session } from "../client/command.ts";
import { Interrupted, withInterrupt } from "../terminal/interrupt.ts";
import { createProgress } from "../terminal/progress.ts";

/**
 * Waits until the resource with this uid is gone.
 *
 * @throws {RuneError} `deadline_exceeded` if it still exists after the timeout.
 */
export async function waitGone(session: Session, resource: AnyResource, timeoutMs: number): Promise<void> {
  const { client, terminal } = session;
  const { kind, namespace, name, uid } = resource;
  const title = `${kind} ${describeKey(resource)}`;
  const progress = createProgress(terminal);
  const scope = { namespace: namespace === "" ? undefined : namespace, fieldSelector: `name=${name}` };
  const stop = new AbortController();
  const timer = startTimer(timeoutMs, () => stop.abort());
  let present = false;
  try {
    await withInterrupt(async (interrupt) => {
      const signal = AbortSignal.any([interrupt, stop.signal]);
      for await (const change of watchResources(client, { kind, scope, signal })) {
        if (change.type === "sync") {
          if (!present) return;
          progress.update(title, "Deleting");
        } else if (change.resource.uid === uid) {
          if (change.type === "delete") return;
          present = true;
        }
      }
    });
  } catch (error) {
    if (error instanceof Interrupted) {
      terminal.err(`${title} is marked for deletion; the daemon continues without this command\n`);
    }
    throw error;
  } finally {
    timer.clear();
    progress.end();
  }
  if (stop.signal.aborted) {
    throw new RuneError("deadline_exceeded", `${title} is still being deleted`, {
      hint: `the daemon continues; see what holds it: rune describe ${kind} ${name}` +
        (namespace === "" ? "" : ` -n ${namespace}`),
    });
  }
}
