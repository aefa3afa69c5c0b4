/**
 * A private daemon for the demo and the benchmarks: run from source, in a scratch directory, removed at the
 * end.
 * @module
 */
import { V8_FLAGS } from "./portable.ts";
import { ROOT } from "./tree.ts";

/** A running daemon. */
export interface Daemon {
  url: string;
  pid: number;
  /** The environment with which a client talks to this daemon and to no other. */
  env: Record<string, string>;
  /** The last lines of its log. */
  lastWords(): Promise<string>;
  /** Sends SIGTERM and resolves when it is gone; its workloads keep running. */
  stop(signal?: Deno.Signal): Promise<void>;
}

/** The command that runs Rune from source, with the flags of the built program. */
export const RUNE: string[] = [Deno.execPath(), "run", "-A", V8_FLAGS, `${ROOT}/main.ts`];

const START_MS = 30_000;

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Whether the daemon reports that it is healthy. */
export async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/**
 * Starts `rune serve` with all of its state below a directory, and waits until it is healthy.
 *
 * @param home becomes its HOME; the data is in `<home>/.rune`.
 * @param options.devMode default true.
 * @param options.dataDir default `<home>/.rune`.
 * @param options.env more of its environment.
 * @param options.prefix a command that executes it.
 * @param options.program the command that runs Rune. Default: {@linkcode RUNE}.
 * @throws {Error} with its last words when it ends instead.
 */
export async function startDaemon(
  home: string,
  options: {
    args?: string[];
    devMode?: boolean;
    dataDir?: string;
    env?: Record<string, string>;
    prefix?: string[];
    program?: string[];
  } = {},
): Promise<Daemon> {
  const url = `http://127.0.0.1:${freePort()}`;
  const log = `${home}/daemon.log`;
  const before = (await Deno.readTextFile(log).catch(() => "")).length;
  const serve = [
    "serve",
    ...options.devMode ?? true ? ["--dev-mode"] : [],
    "--data-dir",
    options.dataDir ?? `${home}/.rune`,
    "--http-addr",
    url.slice("http://".length),
  ];
  // In its own session: Ctrl-C in a terminal is meant for the script, which then stops the daemon in order.
  const child = new Deno.Command("/bin/sh", {
    args: [
      "-c",
      'log=$1; shift; exec "$@" >>"$log" 2>&1',
      "sh",
      log,
      ...options.prefix ?? [],
      ...options.program ?? RUNE,
      ...serve,
      ...options.args ?? [],
    ],
    env: { DENO_DIR: await denoDir(), XDG_RUNTIME_DIR: home, ...options.env, HOME: home },
    detached: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let ended = false;
  const status = child.status.finally(() => ended = true);
  const lastWords = async () =>
    (await Deno.readTextFile(log).catch(() => "")).trimEnd().split("\n").slice(-15).join("\n");
  const stop = async (signal: Deno.Signal = "SIGTERM") => {
    if (!ended) child.kill(signal);
    await status;
  };
  const deadline = Date.now() + START_MS;
  // Another process may have taken the port meanwhile and answer: only this daemon's own log counts.
  const readLog = async () => (await Deno.readTextFile(log).catch(() => "")).slice(before);
  const lostPort = `cannot listen on ${url}`;
  const listens = async () => {
    const text = await readLog();
    return text.includes(url) && !text.includes(lostPort);
  };
  while (!await listens() || !await isHealthy(url)) {
    if (ended && (await readLog()).includes(lostPort)) return await startDaemon(home, options);
    if (ended || Date.now() > deadline) {
      await stop("SIGKILL");
      throw new Error(`the daemon did not start; the end of its log:\n${await lastWords()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const env = { RUNE_SERVER: url, RUNE_CONFIG: `${home}/config.yaml`, RUNE_NAMESPACE: "default" };
  return { url, pid: child.pid, env, lastWords, stop };
}

let knownDenoDir: string | undefined;

/** Deno's cache directory, so that a daemon with another HOME does not fetch its dependencies again. */
export async function denoDir(): Promise<string> {
  if (knownDenoDir === undefined) {
    const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
    knownDenoDir = JSON.parse(new TextDecoder().decode(info.stdout)).denoDir as string;
  }
  return knownDenoDir;
}
