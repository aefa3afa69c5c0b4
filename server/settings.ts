/** What the daemon runs with: flags before the runefile before defaults. @module */
import { join, resolve } from "node:path";
import { parseDuration } from "../spec/duration.ts";
import { DEFAULT_SERVER } from "../spec/endpoint.ts";
import { RuneError } from "../spec/error.ts";
import { isPrivate, type ListenAddress, parseAddress } from "./address.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "./logging.ts";
import { parseRunefile, type Runefile } from "./runefile.ts";

/** Flags of `rune serve`. */
export interface ServeOptions {
  config?: string;
  dataDir?: string;
  httpAddr?: string;
  grpcAddr?: string;
  devMode?: boolean;
  logLevel?: string;
  logFormat?: string;
  nodeName?: string;
}

/** Everything that is decided before the daemon starts. */
export interface Settings {
  dataDir: string;
  devMode: boolean;
  /** Where to listen: `http-addr`, then `grpc-addr` where given. */
  addresses: ListenAddress[];
  log: { level: LogLevel; format: LogFormat };
  node: { name: string; labels: Record<string, string> };
  docker: { socket: string };
  storage: {
    localVolumeRoot: string;
    hostPathAllowlist: string[];
    allowCreateMissing: boolean;
    defaultStorageClass?: string;
    trashRetentionMs: number;
    preserveOnDelete: boolean;
  };
  /** A sentence each, for the log and `rune status`. */
  warnings: string[];
}

/** Where settings come from; tests give their own. */
export interface Surroundings {
  env(name: string): string | undefined;
  /** The text of a file, or undefined when there is none. */
  read(path: string): Promise<string | undefined>;
  hostname(): string;
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
};

const RUNEFILES = ["yaml", "yml", "toml"].map((extension) => `/etc/rune/runefile.${extension}`);
const DATA_DIR = "/var/lib/rune";
const DOCKER_SOCKET = "/var/run/docker.sock";

async function loadRunefile(options: ServeOptions, { env, read }: Surroundings): Promise<Runefile> {
  // The system's runefile is for the system's daemon: a laptop's dev mode takes only what it is told to.
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
 * Settles what the daemon runs with.
 *
 * @throws {RuneError} `invalid_argument` or `failed_precondition` for a flag or runefile that cannot be used.
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
  const httpAddr = options.httpAddr ?? server.httpAddr ?? new URL(DEFAULT_SERVER).host;
  const grpcAddr = options.grpcAddr ?? server.grpcAddr;
  const addresses = [...new Set([httpAddr, ...grpcAddr === undefined ? [] : [grpcAddr]])].map(parseAddress);
  for (const address of addresses.filter((a) => !isPrivate(a))) {
    const text = `${address.hostname || "every interface"}, port ${address.port}`;
    if (devMode) {
      throw new RuneError("invalid_argument", `dev mode listens on loopback only, not on ${text}`, {
        hint: "leave out --dev-mode, or listen on 127.0.0.1",
      });
    }
    warnings.push(
      `PLAIN TEXT, WITHOUT AUTHENTICATION, on ${text}: whoever reaches it controls this machine; ` +
        "listen on 127.0.0.1, or on a private interface behind a proxy with TLS",
    );
  }
  return {
    dataDir,
    devMode,
    addresses,
    log: {
      level: choose("--log-level", options.logLevel, LOG_LEVELS) ?? server.logLevel ?? "info",
      format: choose("--log-format", options.logFormat, LOG_FORMATS) ?? server.logFormat ?? "text",
    },
    node: { name: options.nodeName ?? runefile.node.name ?? from.hostname(), labels: runefile.node.labels },
    docker: { socket: dockerSocket(runefile, from.env, warnings) },
    storage: {
      localVolumeRoot: storage.localVolumeRoot ?? join(dataDir, "volumes"),
      hostPathAllowlist: [
        ...storage.hostPathAllowlist ?? [],
        ...home === undefined ? [] : [join(home, "volumes")],
      ],
      allowCreateMissing: storage.allowCreateMissing ?? devMode,
      ...(storage.defaultStorageClass !== undefined && { defaultStorageClass: storage.defaultStorageClass }),
      trashRetentionMs: parseDuration(storage.trashRetention ?? "24h"),
      preserveOnDelete: storage.preserveOnDelete ?? false,
    },
    warnings,
  };
}
