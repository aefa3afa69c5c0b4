/**
 * A host for one test: the real program, daemon and client, in a scratch directory. Disposing of it removes
 * everything that it created: containers and networks by the daemon's label, processes by their records, then
 * the directory.
 * @module
 */
import assert from "node:assert/strict";
import { type Daemon, RUNE, startDaemon } from "../scripts/daemon.ts";
import { caddyFiles } from "../node/proxy/caddy/config.ts";
import { endCaddy } from "../node/proxy/caddy/caddy_process.ts";
import { removeFromEngine, removeLock, removeMounts, removeProcesses } from "../scripts/leftovers.ts";
import { RuneError } from "../model/error.ts";
import { noDocker } from "./skips.ts";

/** The output and exit code of a command. */
export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/** See the module comment. */
export interface Host extends AsyncDisposable {
  home: string;
  dataDir: string;
  daemon: Daemon;
  /** The label value on the containers of this host. */
  daemonId: string;
  /** Runs `rune` with these arguments. */
  run(args: string[], options?: { stdin?: string }): Promise<Result>;
  /** The same, but fails the test unless it exits with 0. Returns stdout. */
  rune(...args: string[]): Promise<string>;
  /** `rune get … -o json`, parsed. */
  // deno-lint-ignore no-explicit-any
  get(...args: string[]): Promise<any>;
  /** Writes a castfile and returns its path. */
  file(name: string, text: string): Promise<string>;
  /** Starts a daemon on the same data after `daemon.stop()`. */
  restart(): Promise<void>;
}

/** The longest wait for a condition on a busy machine. */
const PATIENCE_MS = 60_000;

/**
 * Waits until `condition` returns a value, and returns it.
 *
 * @throws {Error} naming `what` if that takes longer than a minute.
 */
export async function until<T>(what: string, condition: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`waited in vain until ${what}`, { cause: last });
}

/** Options of a host. */
export interface HostOptions {
  /** YAML for `--config`. If it does not mention `auth`, the daemon requires no token. */
  runefile?: string;
  /** The data directory, if it is not below the home. */
  dataDir?: string;
  /** More environment for the daemon. */
  env?: Record<string, string>;
  /** A command prefix that executes the daemon. */
  prefix?: string[];
  /** The command that runs Rune as a daemon. Default: this source. */
  program?: string[];
  /** The owner of its home. */
  owner?: { uid: number; gid: number };
}

/** Starts a host. */
export async function startHost(options: HostOptions = {}): Promise<Host> {
  const home = await Deno.makeTempDir({ prefix: "rune-test-" });
  const config = `${home}/runefile.yaml`;
  const { runefile = "", env, prefix, program, owner } = options;
  await Deno.writeTextFile(
    config,
    /^auth:/m.test(runefile) ? runefile : `${runefile}\nauth: { enabled: false }\n`,
  );
  if (owner) await Deno.chown(home, owner.uid, owner.gid);
  const dataDir = options.dataDir ?? `${home}/.rune`;
  const start = () =>
    startDaemon(home, { devMode: false, args: ["--config", config], dataDir, env, prefix, program });
  const daemon = await start();
  const host: Host = {
    home,
    dataDir,
    daemon,
    daemonId: await daemonIdOf(daemon),
    async run(args, { stdin } = {}) {
      const [program, ...rest] = [...RUNE, ...args];
      const child = new Deno.Command(program!, {
        args: rest,
        env: { ...host.daemon.env, NO_COLOR: "1" },
        stdin: stdin === undefined ? "null" : "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      if (stdin !== undefined) {
        const writer = child.stdin.getWriter();
        await writer.write(new TextEncoder().encode(stdin));
        await writer.close();
      }
      const { code, stdout, stderr } = await child.output();
      const text = new TextDecoder();
      return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
    },
    async rune(...args) {
      const result = await host.run(args);
      assert.equal(result.code, 0, `rune ${args.join(" ")}\n${result.stdout}${result.stderr}`);
      return result.stdout;
    },
    get: async (...args) => JSON.parse(await host.rune("get", ...args, "-o", "json")),
    async file(name, text) {
      await Deno.writeTextFile(`${home}/${name}`, text);
      return `${home}/${name}`;
    },
    async restart() {
      host.daemon = await start();
    },
    async [Symbol.asyncDispose]() {
      await dispose(host);
    },
  };
  return host;
}

async function dispose(host: Host): Promise<void> {
  await host.daemon.stop("SIGKILL");
  if (!noDocker) await removeFromEngine(host.daemonId);
  await removeLock(host.dataDir);
  await endCaddy(caddyFiles(`${host.dataDir}/proxy`));
  await killProcesses(`${host.dataDir}/processes`);
  // Also remove their control groups; if a test has removed the directory, there are no records to go by.
  await removeProcesses(host.dataDir, host.daemonId).catch((error) => {
    if (!(error instanceof RuneError)) throw error;
  });
  await removeMounts(host.dataDir);
  await Deno.remove(host.home, { recursive: true });
}

/** The label value of a daemon; unknown if it requires a token, as in tests without containers. */
async function daemonIdOf({ url }: Daemon): Promise<string> {
  const { daemonId = "none" } = await (await fetch(`${url}/v1/status`)).json();
  return daemonId;
}

/** Kills every run in the process runner's records: each claim links to the pid that leads its group. */
async function killProcesses(dir: string): Promise<void> {
  let runs: Deno.DirEntry[];
  try {
    runs = await Array.fromAsync(Deno.readDir(dir));
  } catch {
    return;
  }
  for (const run of runs) {
    const claim = await Deno.readLink(`${dir}/${run.name}/claim`).catch(() => "");
    const pid = Number(/\d+/.exec(claim)?.[0]);
    if (!Number.isInteger(pid) || pid <= 1) continue;
    try {
      Deno.kill(-pid, "SIGKILL");
    } catch {
      // It has already ended.
    }
  }
}
