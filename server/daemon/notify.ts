/**
 * Reports the state of the daemon to the service manager: sd_notify(3) over a datagram socket. Without
 * `NOTIFY_SOCKET` it does nothing.
 * @module
 */
import { repeat } from "../../base/delay.ts";
import { join } from "node:path";
import type { Logger } from "@logtape/logtape";

/** The connection to the service manager. */
export interface Notifier {
  /**
   * Sends assignments such as `READY=1`, one a line. Never throws, since the daemon can run without a
   * listening manager.
   */
  send(...lines: string[]): Promise<void>;
  close(): void;
}

const SILENT: Notifier = { send: () => Promise.resolve(), close: () => {} };

/** Options of the notifier. */
export interface NotifyOptions {
  env(name: string): string | undefined;
  /** The daemon's end of the socket is created here for a moment. */
  dataDir: string;
  logger: Logger;
  /**
   * Called before each keep-alive. Without a keep-alive the manager restarts the daemon. Default: the daemon
   * is alive.
   */
  isAlive?(): Promise<boolean>;
}

function bind(dataDir: string): Deno.DatagramConn {
  const path = join(dataDir, `notify-${Deno.pid}.sock`);
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  // The socket only sends, so its name can be removed at once, and a killed daemon leaves none.
  Deno.removeSync(path);
  return socket;
}

/**
 * The period of the keep-alive in milliseconds: half of what the manager allows; undefined if it has no
 * watchdog.
 */
export function watchdogPeriod(env: NotifyOptions["env"]): number | undefined {
  const micros = Number(env("WATCHDOG_USEC"));
  const pid = env("WATCHDOG_PID");
  if (!(micros > 0) || (pid !== undefined && pid !== "" && Number(pid) !== Deno.pid)) return undefined;
  return micros / 2000;
}

/**
 * Connects to the service manager, if there is one, and sends keep-alives to its watchdog while the daemon is
 * alive.
 */
export function openNotifier({ env, dataDir, logger, isAlive }: NotifyOptions): Notifier {
  const path = env("NOTIFY_SOCKET");
  if (!path) return SILENT;
  const warn = (error: unknown) =>
    logger.warn("cannot report to the service manager: {message}", {
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
      "a part of the daemon has died: keep-alives stop, so the service manager will restart the daemon",
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
