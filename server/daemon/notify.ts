/**
 * Tells the service manager how the daemon is: sd_notify(3) over a datagram socket. Without `NOTIFY_SOCKET`
 * all of it does nothing.
 * @module
 */
import { repeat } from "../../base/delay.ts";
import { join } from "node:path";
import type { Logger } from "@logtape/logtape";

/** See the module comment. */
export interface Notifier {
  /**
   * Sends assignments such as `READY=1`, one a line. Never throws: a manager that does not listen stops
   * nothing.
   */
  send(...lines: string[]): Promise<void>;
  close(): void;
}

const SILENT: Notifier = { send: () => Promise.resolve(), close: () => {} };

/** What the service manager put into the environment. */
export interface NotifyOptions {
  env(name: string): string | undefined;
  /** The socket's own end is made here for a moment. */
  dataDir: string;
  logger: Logger;
  /** Asked before each keep-alive; without one the manager restarts the daemon. Default: it is. */
  isAlive?(): Promise<boolean>;
}

function bind(dataDir: string): Deno.DatagramConn {
  const path = join(dataDir, `notify-${Deno.pid}.sock`);
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  // It only sends, so nobody needs its name, and a killed daemon leaves none.
  Deno.removeSync(path);
  return socket;
}

/**
 * Period of the keep-alive in milliseconds, half of what the manager allows; undefined where it wants none.
 */
export function watchdogPeriod(env: NotifyOptions["env"]): number | undefined {
  const micros = Number(env("WATCHDOG_USEC"));
  const pid = env("WATCHDOG_PID");
  if (!(micros > 0) || (pid !== undefined && pid !== "" && Number(pid) !== Deno.pid)) return undefined;
  return micros / 2000;
}

/**
 * Connects to the service manager, where there is one, and keeps its watchdog quiet while this process makes
 * progress.
 */
export function openNotifier({ env, dataDir, logger, isAlive }: NotifyOptions): Notifier {
  const path = env("NOTIFY_SOCKET");
  if (!path) return SILENT;
  const warn = (error: unknown) =>
    logger.warn("the service manager cannot be told how the daemon is: {message}", {
      message: error instanceof Error ? error.message : String(error),
    });
  if (!path.startsWith("/")) {
    warn(`NOTIFY_SOCKET=${path} is not a path`);
    return SILENT;
  }
  let socket: Deno.DatagramConn;
  try {
    socket = bind(dataDir);
  } catch (error) {
    warn(error);
    return SILENT;
  }
  let failed = false;
  const send: Notifier["send"] = async (...lines) => {
    try {
      await socket.send(new TextEncoder().encode(lines.join("\n")), { transport: "unixpacket", path });
      failed = false;
    } catch (error) {
      if (!failed) warn(error);
      failed = true;
    }
  };
  const period = watchdogPeriod(env);
  const keepAlive = async () => {
    if (await isAlive?.().catch(() => false) ?? true) return await send("WATCHDOG=1");
    logger.error(
      "something that must run has died: no keep-alive to the service manager, which restarts the daemon",
    );
  };
  const timer = period === undefined ? undefined : repeat(period, () => void keepAlive());
  return {
    send,
    close() {
      timer?.clear();
      socket.close();
    },
  };
}
