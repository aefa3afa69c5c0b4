/**
 * The proxy as a Caddy process of Debian's package, with all of its files in one folder, controlled over its
 * admin socket. A daemon that finds a running Caddy of its folder adopts it.
 * @module
 */
import type { Logger } from "@logtape/logtape";
import { createKeyFeed } from "../../../base/key_feed.ts";
import { sameValue } from "../../../model/changes.ts";
import { RuneError, toRuneError } from "../../../model/error.ts";
import type { LocalProxy, ProxyEvent, Route } from "../proxy.ts";
import { createCaddyAdmin } from "./admin.ts";
import { endCaddy, findCaddy, isAlive, lastWords, spawnCaddy } from "./caddy_process.ts";
import { caddyConfig, caddyFiles, type ServingOptions, usesAcme } from "./config.ts";
import { checkPorts, listensOn } from "./ports.ts";
import { createCertifier } from "./certifier.ts";
import { permitCertificate, writeRoutes } from "./route_files.ts";
import { discardLocks, discardParts } from "./storage.ts";
import { endStrayCaddy, findStrayCaddies } from "./strays.ts";

/** Options of the proxy. */
export interface CaddyProxyOptions {
  /** The folder of everything that Caddy writes, which is created on demand. */
  dir: string;
  serving: ServingOptions;
  /** The id of the daemon. A Caddy of the same daemon in another folder is ended before anything listens. */
  daemonId?: string;
  /** The path of `caddy`. Default: the one of the system. */
  program?: string;
  logger?: Logger;
}

/** How long Caddy may take until it answers. */
const START_MS = 10_000;
/** How often the proxy checks that Caddy is alive. */
const WATCH_MS = 250;
/** The longest path of a socket (unix(7)), without the final zero byte. */
const MAX_SOCKET_PATH = 107;

/** Creates a proxy for a folder. Nothing is started or contacted before the first call. */
export function createCaddyProxy({ dir, serving, daemonId, program, logger }: CaddyProxyOptions): LocalProxy {
  const files = caddyFiles(dir);
  const admin = createCaddyAdmin(files.adminSocket);
  const wanted = caddyConfig({ files, serving });
  const certifier = createCertifier({
    port: serving.httpsPort,
    mend: mendStorage,
    permit: (host, permitted) => permitCertificate(files.routes, { host, permitted }),
  });
  const events = createKeyFeed<ProxyEvent>();
  let closed = false;
  /** Whether there is certainly no Caddy of this daemon in another folder. */
  let cleared = false;
  let watch: ReturnType<typeof setInterval> | undefined;

  /**
   * Whether Caddy may be alive. False only if that is certain, which needs a free file descriptor, for
   * example.
   */
  function mayLive(): boolean {
    try {
      return isAlive(files);
    } catch {
      return true;
    }
  }
  function keepWatch(): void {
    watch ??= setInterval(() => {
      if (mayLive()) return;
      endWatch();
      events.add("ended");
    }, WATCH_MS);
  }
  function endWatch(): void {
    clearInterval(watch);
    watch = undefined;
  }

  /** Waits until a living Caddy answers. @returns its configuration; undefined if it has ended. */
  async function answer(signal: AbortSignal): Promise<unknown> {
    const deadline = performance.now() + START_MS;
    while (isAlive(files) && performance.now() < deadline) {
      const config = await admin.config(signal);
      if (config !== undefined) return config;
      await new Promise((resolve) => setTimeout(resolve, 20));
      signal.throwIfAborted();
    }
    return undefined;
  }

  /** Removes partial files. @returns whether there were any. */
  async function mendStorage(): Promise<boolean> {
    const names = await discardParts(files);
    if (names.length === 0) return false;
    logger?.warn("Caddy will renew certificates that were only partly written: {names}", {
      names: names.join(", "),
    });
    return true;
  }

  async function endStrays(): Promise<void> {
    if (daemonId === undefined) return;
    for (const caddy of await findStrayCaddies({ daemonId, files })) {
      logger?.warn("ending a Caddy of this daemon in another directory: pid {pid} in {dir}", { ...caddy });
      await endStrayCaddy(caddy);
    }
    cleared = true;
  }

  async function start(signal: AbortSignal): Promise<unknown> {
    if (new TextEncoder().encode(files.adminSocket).length > MAX_SOCKET_PATH) {
      throw new RuneError(
        "failed_precondition",
        `${files.adminSocket} is too long for the path of a socket`,
        {
          hint: "choose a shorter --data-dir",
        },
      );
    }
    const path = await findCaddy(program);
    certifier.forget();
    await endStrays();
    await checkPorts(serving, []);
    await mendStorage();
    await discardLocks(files);
    await spawnCaddy(path, files, { config: wanted, ...(daemonId !== undefined && { daemonId }) });
    const config = await answer(signal);
    if (config !== undefined) return config;
    throw new RuneError("unavailable", `Caddy did not come up: ${await lastWords(files)}`, {
      hint: `see start.log and caddy.log in ${dir}`,
    });
  }

  function urlsOf(host: string): string[] {
    const { httpPort, httpsPort } = serving;
    const https = `https://${host}${httpsPort === 443 ? "" : `:${httpsPort}`}`;
    if (usesAcme(host, serving)) return [https];
    return [`http://${host}${httpPort === 80 ? "" : `:${httpPort}`}`, https];
  }

  const isOnward = (host: string) => usesAcme(host, serving);

  async function serve(routes: Route[], signal: AbortSignal): Promise<void> {
    await writeRoutes(files.routes, routes, { isOnward });
    let current = await answer(signal).catch((error) => {
      signal.throwIfAborted();
      if (!(error instanceof RuneError)) throw error;
    });
    // A Caddy that is alive but does not answer is of no use.
    if (current === undefined) await endCaddy(files);
    current ??= await start(signal);
    if (!sameValue(current, wanted)) {
      await checkPorts(serving, listensOn(current));
      certifier.forget();
      await admin.load(wanted, signal).catch(async (error) => {
        if (!await mendStorage()) throw error;
        await admin.load(wanted, signal);
      });
    }
    const hosts = routes.map(({ host }) => host);
    await certifier.certify(hosts.filter((host) => !isOnward(host)), signal);
    certifier.certifyPublicly(hosts.filter(isOnward));
  }

  return {
    async apply(routes, signal) {
      // No watch during a start or a stop, which would look like an unexpected end.
      endWatch();
      try {
        // Even if there is nothing to serve, since a stray Caddy would answer with old routes.
        if (!cleared) await endStrays();
        if (routes.length === 0) certifier.certifyPublicly([]);
        if (routes.length === 0) await endCaddy(files, () => admin.stop(signal).catch(() => {}));
        else await serve(routes, signal);
        return Object.fromEntries(routes.map(({ host }) => [host, urlsOf(host)]));
      } catch (error) {
        throw toRuneError(error);
      } finally {
        if (mayLive() && !closed) keepWatch();
      }
    },
    events: events.listen,
    close() {
      closed = true;
      certifier.close();
      endWatch();
    },
  };
}
