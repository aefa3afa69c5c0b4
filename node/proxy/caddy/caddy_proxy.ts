/**
 * The proxy as a Caddy of Debian's package: one process with all of its files in one folder, told what to do
 * over its administration socket. A daemon that finds a Caddy of its folder takes it over as it is.
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

/** What the proxy is made from. */
export interface CaddyProxyOptions {
  /** The folder of all that Caddy writes; made when it is needed. */
  dir: string;
  serving: ServingOptions;
  /** Whose it is: a Caddy of the same daemon in another folder is ended before anything listens. */
  daemonId?: string;
  /** The program. Default: the system's `caddy`. */
  program?: string;
  logger?: Logger;
}

/** How long a Caddy may take until it answers. */
const START_MS = 10_000;
/** How often it is seen to that Caddy lives. */
const WATCH_MS = 250;
/** The longest path of a socket (unix(7)), without its final zero. */
const MAX_SOCKET_PATH = 107;

/** A proxy over a folder. Nothing is started or contacted before the first call. */
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
  /** No Caddy of this daemon was left elsewhere. */
  let cleared = false;
  let watch: ReturnType<typeof setInterval> | undefined;

  /** False only when it is certain: a daemon without a free file descriptor, say, cannot tell. */
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

  /** The configuration of a Caddy that lives, once it answers; undefined when it ended. */
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

  /** @returns whether anything was mended. */
  async function mendStorage(): Promise<boolean> {
    const names = await discardParts(files);
    if (names.length === 0) return false;
    logger?.warn("certificates that were written in part are made anew: {names}", {
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
    // One that lives and does not answer is of no use to anybody.
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
      // So that a start or an end under way is not taken for an end by itself.
      endWatch();
      try {
        // Also where nothing is to be served: what is left answers with what is old.
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
