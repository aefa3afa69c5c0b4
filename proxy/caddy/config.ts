/** What Caddy is told: the whole configuration as one JSON document, made from the routes and nothing else. Pure. @module */
import { isPublicName } from "./public_name.ts";
import type { Route } from "../proxy.ts";

/** How host names are served. */
export interface ServingOptions {
  httpPort: number;
  httpsPort: number;
  /** With it, public names get certificates by ACME, and plain HTTP is sent on to HTTPS. */
  acmeEmail?: string;
  /** Listen on 127.0.0.1 only. */
  loopback: boolean;
}

/** Files of one Caddy. */
export interface CaddyFiles {
  /** The folder that holds all of them. */
  dir: string;
  adminSocket: string;
  /** Certificates and keys; see storage.ts. */
  storage: string;
}

/** Where a Caddy of this folder keeps what. */
export function caddyFiles(dir: string): CaddyFiles {
  return { dir, adminSocket: `${dir}/admin.sock`, storage: `${dir}/storage` };
}

/** The administration is a socket in a private folder; nothing is written outside of it. */
export function bootConfig(files: CaddyFiles) {
  return {
    admin: {
      listen: `unix/${files.adminSocket}`,
      origins: ["localhost"],
      config: { persist: false },
    },
    storage: { module: "file_system", root: files.storage },
    logging: {
      logs: {
        default: {
          level: "WARN",
          writer: { output: "file", filename: `${files.dir}/caddy.log`, roll_size_mb: 10, roll_keep: 3 },
        },
      },
    },
  };
}

/** The addresses that are listened on, as Caddy writes them. */
export function listenAddresses({ httpPort, httpsPort, loopback }: ServingOptions) {
  const address = loopback ? "127.0.0.1" : "";
  return { http: `${address}:${httpPort}`, https: `${address}:${httpsPort}` };
}

/** Whether a name gets a certificate by ACME, and with it HTTPS alone. */
export const usesAcme = (host: string, { acmeEmail }: ServingOptions) =>
  acmeEmail !== undefined && isPublicName(host);

const text = { "Content-Type": ["text/plain; charset=utf-8"] };

/** An answer of the proxy itself: one sentence. */
const say = (status: number | string, body: string, headers: Record<string, string[]> = {}) => ({
  handler: "static_response",
  status_code: status,
  headers: { ...text, ...headers },
  body: `${body}\n`,
});

function forward({ host, upstreams }: Route) {
  if (upstreams.length === 0) {
    return say(503, `${host}: no instance is ready to answer; try again in a moment`, {
      "Retry-After": ["1"],
    });
  }
  return {
    handler: "reverse_proxy",
    upstreams: upstreams.map((dial) => ({ dial })),
    load_balancing: {
      selection_policy: { policy: "round_robin" },
      // An instance that died a moment ago is still listed, and one that begins may not listen yet: their requests go to the next
      // one. Soon, as a request that waits for its next try fails when new routes are loaded.
      try_duration: "3s",
      try_interval: "5ms",
    },
    // So that only the first request finds out. Short, as it keeps requests from an instance that is alone.
    health_checks: { passive: { fail_duration: "250ms" } },
    transport: { protocol: "http", dial_timeout: "1s" },
  };
}

const route = (host: string, handler: unknown) => ({
  match: [{ host: [host] }],
  handle: [handler],
  terminal: true,
});

const NOBODY = { handle: [say(404, "no service is exposed under the name {http.request.host}")] };
const FAILED = {
  routes: [{
    handle: [say(
      "{http.error.status_code}",
      "{http.request.host}: {http.error.status_code} {http.error.status_text}, no instance has answered",
    )],
  }],
};

/** What both servers share. HTTP/3 would need a UDP port that nobody asked for. */
const server = { protocols: ["h1", "h2"], read_header_timeout: "30s", errors: FAILED };

/** The configuration that serves these routes. Equal routes give equal documents, whatever their order. */
export function caddyConfig(
  routes: Route[],
  { files, serving }: { files: CaddyFiles; serving: ServingOptions },
) {
  const sorted = [...routes].sort((a, b) => a.host < b.host ? -1 : 1)
    .map(({ host, upstreams }) => ({ host, upstreams: [...upstreams].sort() }));
  const { httpPort, httpsPort, acmeEmail } = serving;
  const listen = listenAddresses(serving);
  const port = httpsPort === 443 ? "" : `:${httpsPort}`;
  const onward = say(308, "", { Location: [`https://{http.request.host}${port}{http.request.uri}`] });
  const certified = sorted.map((r) => r.host).filter((host) => usesAcme(host, serving));
  const own = sorted.map((r) => r.host).filter((host) => !usesAcme(host, serving));
  return {
    ...bootConfig(files),
    apps: {
      http: {
        http_port: httpPort,
        https_port: httpsPort,
        servers: {
          http: {
            ...server,
            listen: [listen.http],
            // Else Caddy would speak TLS here too, or send names without a public certificate on to HTTPS.
            automatic_https: { disable: true },
            routes: [
              ...sorted.map((r) => route(r.host, usesAcme(r.host, serving) ? onward : forward(r))),
              NOBODY,
            ],
          },
          https: {
            ...server,
            listen: [listen.https],
            automatic_https: { disable_redirects: true },
            routes: [...sorted.map((r) => route(r.host, forward(r))), NOBODY],
          },
        },
      },
      tls: {
        automation: {
          policies: [
            ...certified.length > 0
              ? [{ subjects: certified, issuers: [{ module: "acme", email: acmeEmail }] }]
              : [],
            ...own.length > 0 ? [{ subjects: own, issuers: [{ module: "internal" }] }] : [],
          ],
        },
      },
      // Installing a certificate authority on this machine is the administrator's decision.
      pki: { certificate_authorities: { local: { install_trust: false } } },
    },
  };
}
