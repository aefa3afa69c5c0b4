/**
 * Makes news of what runners, probes and the proxy say. Nothing here decides who is to hear of it.
 * @module
 */
import type { Logger } from "@logtape/logtape";
import { pauseOn, type Timers } from "../base/timers.ts";
import { toRuneError } from "../model/error.ts";
import type { RunnerName } from "../model/instance.ts";
import type { Prober } from "../node/probes/prober.ts";
import type { Proxy } from "../node/proxy/proxy.ts";
import type { Runner } from "../runners/runner.ts";
import type { Store } from "../store/store.ts";
import type { Looks } from "./instance/looks.ts";
import type { OutsideNews } from "./news.ts";

/** Who makes news, and who hears it. */
export interface Sources {
  runners: ReadonlyMap<RunnerName, Runner>;
  prober: Pick<Prober, "onChange">;
  proxy: Pick<Proxy, "onEnd">;
  store: Store;
  looks: Looks;
  logger: Logger;
  timers: Timers;
  hear(news: OutsideNews): void;
}

/** After events of a runner ended, which they should not. */
const HEAR_AGAIN_MS = 1_000;

/** Listens until the signal aborts. @returns resolves when no listener is left. */
export async function listenTo(sources: Sources, signal: AbortSignal): Promise<void> {
  const { prober, proxy, logger, hear } = sources;
  prober.onChange((instanceUid) => hear({ kind: "probe", instanceUid }));
  const ignoreEnds = proxy.onEnd(() => {
    logger.warn("the proxy of host names has ended by itself; it is started again");
    hear({ kind: "proxyEnded" });
  });
  signal.addEventListener("abort", ignoreEnds, { once: true });
  await Promise.all(
    [...sources.runners.values()].map((runner) => listenToRunner(runner, { sources, signal })),
  );
}

async function listenToRunner(
  runner: Runner,
  { sources, signal }: { sources: Sources; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const event of runner.events(signal)) {
        if (event.type === "changed") sources.hear({ kind: "run", ...event.ref });
        else hearOfOutage(runner.name, sources);
      }
    } catch (error) {
      if (signal.aborted) return;
      const { message } = toRuneError(error);
      sources.logger.error("events of the {runner} runner ended, and are asked for again: {message}", {
        runner: runner.name,
        message,
      });
    }
    await pauseOn(sources.timers, HEAR_AGAIN_MS, signal);
  }
}

function hearOfOutage(runner: RunnerName, { store, looks, hear }: Sources): void {
  // What was seen of its runs is of before.
  for (const { uid, spec } of store.list("instance")) if (spec.runner === runner) looks.forget(uid);
  hear({ kind: "outage", runner });
}
