/**
 * The settings of the daemon. Flags take precedence over the runefile, and the runefile over defaults.
 * @module
 */
import type { ServeOptions } from "../../model/serve_options.ts";
import { join, resolve } from "node:path";
import { DEFAULT_SERVER } from "../../model/endpoint.ts";
import { RuneError } from "../../model/error.ts";
import { mergeDistinct } from "../../base/merge_distinct.ts";
import { type DriverSettings, hostPaths, ownDirectories, settleDrivers } from "../../drivers/registry.ts";
import type { KekSource } from "../../store/secrets/kek.ts";
import { type BackupSettings, backupSettings } from "../backup/section.ts";
import type { AuthSettings } from "../auth/auth.ts";
import { SECRET_LIMITS, type SecretLimits } from "../admission/secret_writes.ts";
import type { TlsFiles } from "./tls.ts";
import { isPrivate, type ListenAddress, parseAddress } from "../http/address.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "./logging.ts";
import { SYSTEM_DIRECTORIES } from "../../model/system_directories.ts";
import type { Grants } from "../auth/grants.ts";
import type { NodeNames } from "../identity/installation.ts";
import type { RunefileRegistry } from "../admission/registries.ts";
import { parseRunefile, type Runefile } from "./runefile.ts";

/** The settings of a daemon. */
export interface Settings {
  dataDir: string;
  devMode: boolean;
  /** The addresses to listen on: `http-addr` and, if it is set, `grpc-addr`. */
  addresses: ListenAddress[];
  log: { level: LogLevel; format: LogFormat };
  node: NodeNames & { labels: Record<string, string> };
  docker: { socket: string; registries: RunefileRegistry[] };
  expose: {
    httpPort: number;
    httpsPort: number;
    acmeEmail?: string;
    /** The path of `caddy`. Default: the one in PATH. */
    caddy?: string;
  };
  auth: AuthSettings & { tls?: TlsFiles };
  crypto: { kek: KekSource; secretLimits: SecretLimits };
  storage: DriverSettings & { defaultStorageClass?: string };
  /** What services may use of the host, by namespace. */
  grants: Grants;
  /** Settings of scheduled backups. Default: none. */
  backup?: BackupSettings;
  /** Warnings for the log and `rune status`, one sentence each. */
  warnings: string[];
}

/** The environment that settings are read from; tests pass their own. */
export interface Surroundings {
  env(name: string): string | undefined;
  /** Reads a file; undefined if it does not exist. */
  read(path: string): Promise<string | undefined>;
  hostname(): string;
  isRoot(): boolean;
}

const SYSTEM: Surroundings = {
  env: (name) => Deno.env.get(name),
  async read(path) {
    try {
      return await Deno.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      const reason = error instanceof Error ? error.message : String(error);
      throw new RuneError("failed_precondition", `cannot read ${path}: ${reason}`, {
        hint: "check the file and its permissions",
        cause: error,
      });
    }
  },
  hostname: () => Deno.hostname(),
  isRoot: () => Deno.uid() === 0,
};

const RUNEFILES = ["yaml", "yml", "toml"].map((extension) => `/etc/rune/runefile.${extension}`);
const DATA_DIR = "/var/lib/rune";
const DOCKER_SOCKET = "/var/run/docker.sock";

async function loadRunefile(options: ServeOptions, { env, read }: Surroundings): Promise<Runefile> {
  // The runefile of the system is for its daemon. Dev mode uses only a runefile that --config names.
  const candidates = options.config !== undefined ? [options.config] : options.devMode ? [] : RUNEFILES;
  for (const file of candidates) {
    const text = await read(file);
    if (text !== undefined) return parseRunefile(text, { file, env });
  }
  if (options.config !== undefined) {
    throw new RuneError("failed_precondition", `there is no runefile ${options.config}`, {
      hint: "check its path",
    });
  }
  return parseRunefile("", { file: "no runefile", env });
}

function choose<T extends string>(
  flag: string,
  value: string | undefined,
  known: readonly T[],
): T | undefined {
  if (value === undefined || known.includes(value as T)) return value as T | undefined;
  throw new RuneError("invalid_argument", `${flag}: expected one of ${known.join(", ")}, found ${value}`, {
    hint: `write ${flag} ${known[0]}`,
  });
}

/** The user's `~/.rune`. */
function homeDir(env: Surroundings["env"]): string {
  const home = env("HOME");
  if (home) return join(home, ".rune");
  throw new RuneError("failed_precondition", "dev mode needs a home directory, and HOME is not set", {
    hint: "set HOME",
  });
}

function dockerSocket(runefile: Runefile, env: Surroundings["env"], warnings: string[]): string {
  if (runefile.docker.socket !== undefined) return runefile.docker.socket;
  const host = env("DOCKER_HOST");
  if (host === undefined || host === "") return DOCKER_SOCKET;
  if (host.startsWith("unix://")) return host.slice("unix://".length);
  warnings.push(`DOCKER_HOST=${host} is not a unix:// address: using ${DOCKER_SOCKET}`);
  return DOCKER_SOCKET;
}

/**
 * Settings of the proxy. Without root or in dev mode its ports are above 1024: others need root, or may be in
 * use on a laptop.
 */
function exposeSettings(
  { expose: { httpPort, httpsPort, ...rest } }: Runefile,
  { unprivileged }: { unprivileged: boolean },
): Settings["expose"] {
  const settings = {
    ...rest,
    httpPort: httpPort ?? (unprivileged ? 7880 : 80),
    httpsPort: httpsPort ?? (unprivileged ? 7843 : 443),
  };
  if (settings.httpPort === settings.httpsPort) {
    throw new RuneError("invalid_argument", `expose: httpPort and httpsPort are both ${settings.httpPort}`, {
      hint: "write both in the runefile, with different ports",
    });
  }
  return settings;
}

/** Warns if the API uses a port of the proxy, which then cannot listen on it. */
function sharedPorts(addresses: ListenAddress[], expose: Settings["expose"]): string[] {
  return (["httpPort", "httpsPort"] as const)
    .filter((key) => addresses.some(({ port }) => port === expose[key]))
    .map((key) =>
      `port ${expose[key]} is set for both the API and host names, so no host name can be exposed; ` +
      `set expose.${key}, or another address for the API`
    );
}

/** Warnings about an address that others can reach. */
function exposure(where: string, { enabled, tls }: { enabled: boolean; tls: boolean }): string[] {
  if (!enabled) {
    return [
      `${
        tls ? "" : "PLAIN TEXT, "
      }WITHOUT AUTHENTICATION, on ${where}: whoever reaches it controls this machine; ` +
      "listen on 127.0.0.1, or remove auth.enabled: false",
    ];
  }
  if (tls) return [];
  return [
    `PLAIN TEXT on ${where}: anyone who can listen on the network can read tokens; ` +
    "set auth.tls, or listen on 127.0.0.1",
  ];
}

/**
 * Warns if an allowed host path covers directories that are never volumes; `drivers/local_host/protected.ts`
 * refuses them.
 */
function listCovered(path: string, own: string[]): string[] {
  const isInside = (inner: string, outer: string) =>
    `${inner}/`.startsWith(outer === "/" ? outer : `${outer}/`);
  const closed = [...own, ...SYSTEM_DIRECTORIES];
  const held = closed.filter((directory) => isInside(directory, path) || isInside(path, directory));
  if (held.length === 0) return [];
  return [
    `the allowed host path ${path} covers ${[...new Set(held)].join(", ")}: ` +
    "no volume may be, contain or lie inside one of these; allow narrower paths",
  ];
}

function kekSource(
  { crypto: { kek } }: Runefile,
  { dataDir, env }: { dataDir: string; env: Surroundings["env"] },
): KekSource {
  if (kek.source !== "env") return { from: "file", path: kek.file ?? join(dataDir, "kek") };
  const variable = kek.env ?? "RUNE_KEK";
  return { from: "env", variable, value: env(variable), previous: env(`${variable}_PREVIOUS`) };
}

/**
 * Loads the settings of the daemon.
 *
 * @throws {RuneError} `invalid_argument` or `failed_precondition` for an invalid flag or runefile.
 */
export async function loadSettings(options: ServeOptions, from: Surroundings = SYSTEM): Promise<Settings> {
  const runefile = await loadRunefile(options, from);
  const { server, storage } = runefile;
  const devMode = options.devMode ?? false;
  const warnings: string[] = [];
  const home = devMode ? homeDir(from.env) : undefined;
  const dataDir = options.dataDir !== undefined
    ? resolve(options.dataDir)
    : runefile.dataDir ?? (home === undefined ? DATA_DIR : join(home, "data"));
  const tls = devMode ? undefined : runefile.auth.tls;
  const enabled = !devMode && (runefile.auth.enabled ?? true);
  const loopback = new URL(DEFAULT_SERVER);
  const httpAddr = options.httpAddr ?? server.httpAddr ?? (tls ? `:${loopback.port}` : loopback.host);
  const grpcAddr = options.grpcAddr ?? server.grpcAddr;
  const addresses = [...new Set([httpAddr, ...grpcAddr === undefined ? [] : [grpcAddr]])].map(parseAddress);
  for (const address of addresses.filter((a) => !isPrivate(a))) {
    const text = `${address.hostname || "every interface"}, port ${address.port}`;
    if (devMode) {
      throw new RuneError("invalid_argument", `dev mode listens on loopback only, not on ${text}`, {
        hint: "leave out --dev-mode, or listen on 127.0.0.1",
      });
    }
    warnings.push(...exposure(text, { enabled, tls: tls !== undefined }));
  }
  const drivers = settleDrivers(storage, {
    dataDir,
    ...(home !== undefined && { userVolumes: join(home, "volumes") }),
  });
  const own = [dataDir, ...ownDirectories(drivers).map(({ path }) => path)];
  const granted = Object.values(runefile.grants).flatMap((grant) => grant.hostPaths);
  for (const path of new Set([...hostPaths(settleDrivers(storage, { dataDir })), ...granted])) {
    warnings.push(...listCovered(path, own));
  }
  const backup = backupSettings(runefile.backup);
  if (backup && `${backup.dir}/`.startsWith(`${dataDir}/`)) {
    warnings.push(
      `backup.dir is inside the data directory ${dataDir}, so both can be lost together; use another disk`,
    );
  }
  const expose = exposeSettings(runefile, { unprivileged: devMode || !from.isRoot() });
  warnings.push(...sharedPorts(addresses, expose));
  const nodeName = options.nodeName ?? runefile.node.name ?? from.hostname();
  return {
    dataDir,
    devMode,
    addresses,
    log: {
      level: choose("--log-level", options.logLevel, LOG_LEVELS) ?? server.logLevel ?? "info",
      format: choose("--log-format", options.logFormat, LOG_FORMATS) ?? server.logFormat ?? "text",
    },
    // The name of the node is always a label, so a class can be restricted to one machine without a runefile.
    node: {
      name: nodeName,
      ...(runefile.node.installation !== undefined && { installation: runefile.node.installation }),
      labels: { ...runefile.node.labels, "rune.io/hostname": nodeName },
    },
    expose,
    docker: {
      socket: dockerSocket(runefile, from.env, warnings),
      registries: runefile.docker.registries,
    },
    auth: {
      enabled,
      allowRemoteAdmin: runefile.auth.allowRemoteAdmin ?? false,
      ...(tls && { tls }),
    },
    crypto: {
      kek: kekSource(runefile, { dataDir, env: from.env }),
      secretLimits: {
        keys: runefile.crypto.secretLimits.keys ?? SECRET_LIMITS.keys,
        valueBytes: runefile.crypto.secretLimits.valueBytes ?? SECRET_LIMITS.valueBytes,
      },
    },
    storage: mergeDistinct<DriverSettings | { defaultStorageClass?: string }>([
      drivers,
      storage.defaultStorageClass === undefined ? {} : { defaultStorageClass: storage.defaultStorageClass },
    ], { what: "setting of storage" }),
    grants: runefile.grants,
    ...(backup && { backup }),
    warnings,
  };
}
