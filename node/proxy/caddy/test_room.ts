/** A folder for a real Caddy on its own ports, for tests. @module */
import { until } from "../../../tests/host.ts";
import type { LocalProxy } from "../proxy.ts";
import { freePorts } from "../../../tests/by_name.ts";
import { endCaddy } from "./caddy_process.ts";
import { createCaddyProxy } from "./caddy_proxy.ts";
import { caddyFiles, type ServingOptions } from "./config.ts";

export const CADDY = "/usr/bin/caddy";
const ignore = !await Deno.stat(CADDY).then(() => true, () => false);
export const signal = () => AbortSignal.timeout(30_000);

function freePort(): number {
  using listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  return listener.addr.port;
}

export interface Room extends AsyncDisposable {
  dir: string;
  serving: ServingOptions;
  /** Creates a proxy for the room's folder, as each daemon does. */
  open(more?: { program?: string; serving?: ServingOptions; daemonId?: string }): LocalProxy;
}

export async function makeRoom(): Promise<Room> {
  const home = await Deno.makeTempDir({ prefix: "rune-proxy-" });
  const dir = `${home}/proxy`;
  const [httpPort, httpsPort] = freePorts(2) as [number, number];
  const serving = { httpPort, httpsPort, loopback: true };
  const opened: LocalProxy[] = [];
  return {
    dir,
    serving,
    open(more = {}) {
      const proxy = createCaddyProxy({ dir, serving, ...more });
      opened.push(proxy);
      return proxy;
    },
    async [Symbol.asyncDispose]() {
      opened.forEach((proxy) => proxy.close());
      await endCaddy(caddyFiles(dir));
      await Deno.remove(home, { recursive: true });
    },
  };
}

export const routes = [{ host: "a.local", upstreams: [] }];

/**
 * Waits until Caddy has written the certificate of `routes`.
 * @returns the path of the file that it writes last.
 */
export async function certificateWritten({ dir }: Room): Promise<string> {
  const path = `${caddyFiles(dir).storage}/certificates/local/a.local/a.local.json`;
  return await until("the certificate is written", async () => (await Deno.stat(path)).size > 0 && path);
}

/**
 * Leaves a Caddy in the room, as after a daemon. The next daemon has another port, so that it loads a
 * configuration.
 */
export async function leaveCaddy(room: Room): Promise<{ serving: ServingOptions }> {
  const first = room.open();
  await first.apply(routes, signal());
  first.close();
  return { serving: { ...room.serving, httpPort: freePort() } };
}

/** Registers a test with its own room. */
export function roomTest(name: string, fn: (room: Room) => Promise<void>): void {
  Deno.test({
    name,
    ignore,
    async fn() {
      await using room = await makeRoom();
      await fn(room);
    },
  });
}
