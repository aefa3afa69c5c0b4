/** `rune serve` runs a daemon in the foreground until a signal stops it. @module */
import { startTimer } from "../../base/delay.ts";
import { BUILD } from "../../model/build.ts";
import type { ServeOptions } from "../../model/serve_options.ts";
import { formatAddress } from "../http/address.ts";
import { startDaemon } from "./daemon.ts";
import { catchUnhandled } from "./last_resort.ts";
import { startLogging } from "./logging.ts";
import { openNotifier } from "./notify.ts";
import { reloadOnSighup } from "./reload.ts";
import { loadSettings } from "./settings.ts";

/** More time than requests and passes in progress may take, but less than the unit waits before SIGKILL. */
const STOP_LIMIT_MS = 25_000;

/**
 * Waits for `work`.
 * @returns whether it ended in time. Unfinished work ends with the process, as in a crash.
 */
export async function endsWithin(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = startTimer(limitMs, () => late.resolve(false));
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    timer.clear();
  }
}

/** Listens for signals. `first` resolves at the first SIGTERM or SIGINT, `again` at the second. */
function onSignals(): { first: Promise<string>; again: Promise<void>; release(): void } {
  const signals = ["SIGTERM", "SIGINT"] as const;
  const first = Promise.withResolvers<string>();
  const again = Promise.withResolvers<void>();
  let count = 0;
  const handlers = signals.map((signal) => {
    const handler = () => count++ === 0 ? first.resolve(signal) : again.resolve();
    Deno.addSignalListener(signal, handler);
    return () => Deno.removeSignalListener(signal, handler);
  });
  return {
    first: first.promise,
    again: again.promise,
    release: () => handlers.forEach((remove) => remove()),
  };
}

/**
 * `rune serve`: runs a daemon until SIGTERM or SIGINT. A second signal returns at once.
 *
 * @throws {RuneError} if it cannot start.
 */
export async function serve(options: ServeOptions): Promise<void> {
  const settings = await loadSettings(options);
  const logger = await startLogging(settings.log);
  const signals = onSignals();
  using cleanup = new DisposableStack();
  cleanup.defer(catchUnhandled(logger));
  cleanup.defer(() => signals.release());
  const starting = startDaemon(settings, logger);
  cleanup.defer(reloadOnSighup({
    load: () => loadSettings(options),
    reload: async (next) => (await starting).reload(next),
    logger,
  }));
  const daemon = await starting;
  const scheme = settings.auth.tls ? "https" : "http";
  const addresses = daemon.addresses.map((a) => formatAddress(a, scheme)).join(", ");
  const notifier = openNotifier({
    env: (name) => Deno.env.get(name),
    dataDir: settings.dataDir,
    logger,
    isAlive: () => daemon.isAlive(),
  });
  cleanup.defer(() => notifier.close());
  for (const warning of settings.warnings) logger.warn("{warning}", { warning });
  logger.info("rune {version} listens on {addresses}, data in {dataDir}", {
    version: BUILD.version,
    addresses,
    dataDir: settings.dataDir,
  });
  await notifier.send("READY=1", `STATUS=listening on ${addresses}`);
  logger.info("{signal}: stopping; workloads keep running", { signal: await signals.first });
  await notifier.send("STOPPING=1", "STATUS=stopping; workloads keep running");
  if (await endsWithin(Promise.race([daemon.stop(), signals.again]), STOP_LIMIT_MS)) {
    logger.info("stopped");
  } else {
    logger.warn(
      "a part of the daemon does not stop, perhaps because a filesystem hangs: the daemon ends without it",
    );
  }
}
