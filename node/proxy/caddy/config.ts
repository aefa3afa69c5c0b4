/**
 * Caddy's whole configuration as one JSON document. It contains no routes: those are files (see
 * route_files.ts), which Caddy reads at each request. Loading a configuration closes connections, so Caddy
 * loads one when it starts, and another one only after a change of ports or ACME. Pure.
 * @module
 */
import { isPublicName, PRIVATE_PATTERNS } from "./public_name.ts";
import { CERTIFY, DEPTH, ONLY, ONWARD, PLACES } from "./route_files.ts";

/** Options for serving host names. */
export interface ServingOptions {
  httpPort: number;
  httpsPort: number;
  /** If set, public names get certificates by ACME, and plain HTTP is redirected to HTTPS. */
  acmeEmail?: string;
  /** Listen on 127.0.0.1 only. */
  loopback: boolean;
}

/** The files of one Caddy. */
export interface CaddyFiles {
  /** The folder with all of them. */
  dir: string;
  adminSocket: string;
  /** Certificates and keys; see storage.ts. */
  storage: string;
  /** See route_files.ts. */
  routes: string;
}

/** The paths of the files in a folder. */
export function caddyFiles(dir: string): CaddyFiles {
  return { dir, adminSocket: `${dir}/admin.sock`, storage: `${dir}/storage`, routes: `${dir}/routes` };
}

/**
 * The configuration to start with. The admin API is a socket in a private folder, and nothing is written
 * outside it.
 */
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

/** The addresses to listen on, in Caddy's notation. */
export function listenAddresses({ httpPort, httpsPort, loopback }: ServingOptions) {
  const address = loopback ? "127.0.0.1" : "";
  return { http: `${address}:${httpPort}`, https: `${address}:${httpsPort}` };
}

/** Whether a name gets a certificate by ACME, and so only HTTPS. */
export const usesAcme = (host: string, { acmeEmail }: ServingOptions) =>
  acmeEmail !== undefined && isPublicName(host);

const text = { "Content-Type": ["text/plain; charset=utf-8"] };

/** An answer of the proxy itself, with one sentence. */
const say = (status: number | string, body: string, headers: Record<string, string[]> = {}) => ({
  handler: "static_response",
  status_code: status,
  headers: { ...text, ...headers },
  body: `${body}\n`,
});

const HOST = "{http.request.host}";
const matches = (key: string, pattern: string, name?: string) => ({
  vars_regexp: { [key]: { pattern, ...(name !== undefined && { name }) } },
});

/**
 * Matches the file of a list. Nearly all lists have one name. It is tried twice, since a list may be replaced
 * while it is read.
 */
function matchListed({ routes, host }: Place, tag: string) {
  const short = `${host}/${tag},*`;
  const long = Array.from({ length: DEPTH - 1 }, (_, i) => short + "/*".repeat(i + 1));
  return { file: { root: routes, try_files: [short, ...long, short, short] } };
}

const ADDRESS = "([^,/]+)";
/** `/<host>/<tag>,<version>,a,b,c,…` */
const LIST_PATTERN = `^/[^/]+/[^,]+,[0-9]+${`[,/]${ADDRESS}`.repeat(PLACES)}$`;

const FORWARD = {
  handler: "reverse_proxy",
  upstreams: Array.from({ length: PLACES }, (_, i) => ({ dial: `{http.regexp.to.${i + 1}}` })),
  load_balancing: {
    selection_policy: { policy: "round_robin" },
    // A dead instance may still be listed, and a new one may not listen yet. Their requests go to the next
    // instance.
    try_duration: "3s",
    try_interval: "5ms",
  },
  transport: { protocol: "http", dial_timeout: "500ms" },
};

/** The folder of the files, and the placeholder of the host name. */
interface Place {
  routes: string;
  host: string;
}

/** Forwards requests for a name to its instances, or answers that none is ready. Passes on unknown names. */
function makeForwarding(place: Place) {
  const { routes, host } = place;
  const lead = (tag: string) => ({
    match: [matchListed(place, tag)],
    handle: [{
      handler: "subroute",
      routes: [{ match: [matches("{http.matchers.file.relative}", LIST_PATTERN, "to")], handle: [FORWARD] }],
    }],
    terminal: true,
  });
  return [
    lead(ONLY),
    {
      match: [{ file: { root: routes, try_files: [`${host}/`] } }],
      handle: [{
        handler: "subroute",
        routes: [
          {
            match: [matches("{http.request.uuid}", "^([0-9a-f]{2})", "drawn")],
            handle: [{ handler: "subroute", routes: [lead("{http.regexp.drawn.1}")] }],
          },
          {
            handle: [
              say(503, `${HOST}: no instance is ready to answer; try again in a moment`, {
                "Retry-After": ["1"],
              }),
            ],
          },
        ],
      }],
      terminal: true,
    },
  ];
}

/** Caddy can lower-case a text only letter by letter. Few clients send capitals. */
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"];
const LOWERED = "X-Rune-Host";
const LOWER_CASE = {
  handler: "headers",
  request: { replace: { [LOWERED]: LETTERS.map((l) => ({ search: l.toUpperCase(), replace: l })) } },
};

/** The routes of a server. `make` returns those of a name in a placeholder. */
function namedRoutes(make: (host: string) => unknown[]) {
  return [
    ...make(HOST),
    {
      match: [matches(HOST, "[A-Z]")],
      handle: [
        { handler: "headers", request: { set: { [LOWERED]: [HOST] } } },
        LOWER_CASE,
        { handler: "vars", host: `{http.request.header.${LOWERED}}` },
        { handler: "headers", request: { delete: [LOWERED] } },
        { handler: "subroute", routes: make("{http.vars.host}") },
      ],
    },
  ];
}

const NOBODY = { handle: [say(404, "no service is exposed under the name {http.request.host}")] };
const FAILED = {
  routes: [{
    handle: [say(
      "{http.error.status_code}",
      "{http.request.host}: {http.error.status_code} {http.error.status_text}, no instance has answered",
    )],
  }],
};

/** The settings of both servers. No HTTP/3, which would need a UDP port that nobody configured. */
const server = { protocols: ["h1", "h2"], read_header_timeout: "30s", errors: FAILED };

/** The path at which Caddy asks itself whether it may obtain a certificate. */
const ASKED = "/.rune/exposed";

/** Generates the configuration. Equal options give equal documents. */
export function caddyConfig({ files, serving }: { files: CaddyFiles; serving: ServingOptions }) {
  const { httpPort, httpsPort, acmeEmail } = serving;
  const listen = listenAddresses(serving);
  const port = httpsPort === 443 ? "" : `:${httpsPort}`;
  const asking = {
    match: [{
      host: ["127.0.0.1"],
      path: [ASKED],
      ...matches("{http.request.uri.query.domain}", "^[a-z0-9][a-z0-9.-]*$"),
      file: { root: files.routes, try_files: [`{http.request.uri.query.domain}/${CERTIFY}`] },
    }],
    handle: [say(200, "yes")],
    terminal: true,
  };
  const { routes } = files;
  const passOn = (host: string) => ({
    match: [{ file: { root: routes, try_files: [`${host}/${ONWARD}`] } }],
    handle: [say(308, "", { Location: [`https://{http.request.host}${port}{http.request.uri}`] })],
    terminal: true,
  });
  const internal = { issuers: [{ module: "internal" }], on_demand: true };
  const acme = { issuers: [{ module: "acme", email: acmeEmail }], on_demand: true };
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
            // Otherwise Caddy would also use TLS here, or redirect names without a public certificate to
            // HTTPS.
            automatic_https: { disable: true },
            // The question comes last, since routes before the names are evaluated at each request.
            routes: [
              ...namedRoutes((host) => [
                ...acmeEmail === undefined ? [] : [passOn(host)],
                ...makeForwarding({ routes, host }),
              ]),
              asking,
              NOBODY,
            ],
          },
          https: {
            ...server,
            listen: [listen.https],
            automatic_https: { disable: true },
            tls_connection_policies: [{}],
            routes: [...namedRoutes((host) => makeForwarding({ routes, host })), NOBODY],
          },
        },
      },
      tls: {
        automation: {
          on_demand: { ask: `http://127.0.0.1:${httpPort}${ASKED}` },
          policies: acmeEmail === undefined
            ? [internal]
            : [{ subjects: PRIVATE_PATTERNS, ...internal }, acme],
        },
      },
      // The administrator decides whether to install a certificate authority on this machine.
      pki: { certificate_authorities: { local: { install_trust: false } } },
    },
  };
}
