/** Streams changes of the daemon's containers, across restarts of the Engine. @module */
import { z } from "zod";
import { RuneError } from "../../model/error.ts";
import type { RunEvent } from "../runner.ts";
import { type Engine, transportError } from "./engine.ts";
import { jsonLines, TOO_LONG } from "./json_lines.ts";
import { LABEL, labelFilter, refOf } from "./labels.ts";
import { sleepQuietly } from "./busy.ts";

/** Milliseconds between attempts to connect. A returning Engine is noticed within a second. */
const RETRY_MS = { first: 100, most: 500 };

/** How far back a connection asks for events, because the Engine answers a little before it listens. */
const OVERLAP_SECONDS = 2;

const eventSchema = z.object({
  Action: z.string(),
  Actor: z.object({ Attributes: z.record(z.string(), z.string()) }),
});

/**
 * Streams changes of the daemon's containers until the signal aborts. Sends `resync` after each connection
 * and each loss of one, since changes may be missing. The same change may come twice.
 *
 * @param options.onLost called once for each lost connection.
 */
export async function* containerEvents(
  engine: Engine,
  options: { daemonId: string; signal: AbortSignal; onLost?: (reason: RuneError) => void },
): AsyncGenerator<RunEvent> {
  const { daemonId, signal } = options;
  const what = "listen to Docker's events";
  let retryMs: number = RETRY_MS.first;
  let connected = true;
  while (!signal.aborted) {
    try {
      const response = await engine.request("/events", {
        what,
        query: {
          since: String(Math.floor(Date.now() / 1000) - OVERLAP_SECONDS),
          filters: labelFilter({ [LABEL.daemon]: daemonId }, {
            type: ["container"],
            event: ["start", "die", "oom", "destroy", "pause", "unpause"],
          }),
        },
        signal,
      });
      connected = true;
      retryMs = RETRY_MS.first;
      const body = response.body!;
      try {
        yield { type: "resync" };
        for await (const line of jsonLines(body)) {
          // The event cannot be read, so everything is checked.
          const event: RunEvent | undefined = line === TOO_LONG ? { type: "resync" } : toRunEvent(line);
          if (event) yield event;
        }
      } finally {
        if (!body.locked) await body.cancel();
      }
      throw new RuneError("unavailable", "Docker ended the stream of events");
    } catch (error) {
      if (signal.aborted) return;
      if (connected) {
        options.onLost?.(transportError(error, { what, signal, socket: engine.socket }));
        yield { type: "resync" };
      }
      connected = false;
    }
    await sleepQuietly(retryMs, signal);
    retryMs = Math.min(retryMs * 2, RETRY_MS.most);
  }
}

function toRunEvent(line: unknown): RunEvent | undefined {
  const parsed = eventSchema.safeParse(line);
  if (!parsed.success) return undefined;
  const labels = parsed.data.Actor.Attributes;
  const ref = refOf(labels);
  return ref && {
    type: "changed",
    ref,
    namespace: labels[LABEL.namespace] ?? "",
    instance: labels[LABEL.instance] ?? "",
  };
}
