/**
 * Turns the events of a node's runners, probes and proxy into news. It does not decide which controller
 * receives them.
 * @module
 */
import type { Logger } from "@logtape/logtape";
import { sleepOn, type Timers } from "../base/timers.ts";
import { toRuneError } from "../model/error.ts";
import type { RunnerName } from "../model/instance.ts";
import type { Node } from "../node/node.ts";
import type { Store } from "../store/store.ts";
import type { Looks } from "./instance/looks.ts";
import type { OutsideNews } from "./news.ts";

/** The origins of news, and the function that receives it. */
export interface Sources {
  node: Pick<Node, "runners" | "probes" | "proxy">;
  store: Store;
  looks: Looks;
  logger: Logger;
  timers: Timers;
  hear(news: OutsideNews): void;
}

/** Wait before reopening an event stream that ended unexpectedly. */
const HEAR_AGAIN_MS = 1_000;

/** Listens until the signal aborts. @returns resolves when all listeners have ended. */
export async function listenTo(sources: Sources, signal: AbortSignal): Promise<void> {
  const { node: { runners, probes, proxy }, logger, hear } = sources;
  const options = { sources, signal };
  await Promise.all([
    follow("probes", {
      ...options,
      open: () => probes.changes(signal),
      onEvent: (instanceUid) => hear({ kind: "probe", instanceUid }),
    }),
    follow("proxy", {
      ...options,
      open: () => proxy.events(signal),
      onEvent() {
        logger.warn("the proxy of host names has ended by itself; it is started again");
        hear({ kind: "proxyEnded" });
      },
    }),
    ...[...runners.values()].map((runner) =>
      follow(`${runner.name} runner`, {
        ...options,
        open: () => runner.events(signal),
        onEvent(event) {
          if (event.type === "changed") hear({ kind: "run", ...event.ref });
          else hearOfOutage(runner.name, sources);
        },
      })
    ),
  ]);
}

/**
 * Handles events until the signal aborts, and reopens the stream when it ends.
 * @param what names the source of the events in the log.
 */
async function follow<Event>(
  what: string,
  { open, onEvent, sources: { logger, timers }, signal }: {
    open: () => AsyncIterable<Event>;
    onEvent: (event: Event) => void;
    sources: Sources;
    signal: AbortSignal;
  },
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const event of open()) onEvent(event);
    } catch (error) {
      if (signal.aborted) return;
      const { message } = toRuneError(error);
      logger.error("events of the {what} ended, and are asked for again: {message}", { what, message });
    }
    if (!signal.aborted) await sleepOn(timers, HEAR_AGAIN_MS, signal);
  }
}

function hearOfOutage(runner: RunnerName, { store, looks, hear }: Sources): void {
  // Earlier observations of its runs may be outdated.
  for (const { uid, spec } of store.list("instance")) if (spec.runner === runner) looks.forget(uid);
  hear({ kind: "outage", runner });
}
