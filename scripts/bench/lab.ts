/**
 * Shared by the benchmarks: a daemon in a scratch directory, its API, and a watch of its instances.
 * @module
 */
import type { CastResponse, ResourceList } from "../../model/api.ts";
import type { Instance } from "../../model/instance.ts";
import { type Daemon, startDaemon } from "../daemon.ts";
import { removeLeftovers } from "../leftovers.ts";

/** A daemon with access to its API. */
export interface Lab {
  readonly daemon: Daemon;
  readonly home: string;
  /** Sends one request. @throws {Error} with the daemon's answer if the status is not 2xx. */
  api<T>(call: string, body?: unknown): Promise<T>;
  cast(...services: Record<string, unknown>[]): Promise<CastResponse>;
  /** Watches the instances of the default namespace and resolves once the predicate holds. */
  until(holds: (instances: Instance[]) => boolean): Promise<void>;
  /** Starts a daemon on the same data, after `daemon.stop()`. */
  restart(): Promise<void>;
}

const INSTANCES = "/v1/namespaces/default/instances";
const PATIENCE_MS = 120_000;

/** The `data` of each server-sent event. */
export async function* eventData(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n\n");
    rest = parts.pop()!;
    for (const part of parts) {
      const data = part.split("\n").filter((l) => l.startsWith("data:")).map((l) => l.slice(5)).join("\n");
      if (data !== "") yield JSON.parse(data);
    }
  }
}

/** Runs the work with a new lab, then removes everything that it ran, the daemon and its directory. */
export async function withLab<T>(work: (lab: Lab) => Promise<T>): Promise<T> {
  const home = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-bench-" }));
  let daemon = await startDaemon(home);
  const api = async <R>(call: string, body?: unknown): Promise<R> => {
    const [method, path] = call.split(" ");
    const response = await fetch(daemon.url + path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${call}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as R;
  };
  const lab: Lab = {
    home,
    api,
    get daemon() {
      return daemon;
    },
    cast: (...services) =>
      api("POST /v1/cast", { resources: services.map((body) => ({ kind: "service", body })) }),
    async until(holds) {
      const listed = await api<ResourceList<Instance>>(`GET ${INSTANCES}`);
      const instances = new Map(listed.items.map((i) => [i.name, i]));
      if (holds([...instances.values()])) return;
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const url = `${daemon.url}${INSTANCES}?watch=true&since=${listed.revision}`;
      const response = await fetch(url, { signal });
      for await (const event of eventData(response.body!)) {
        const { type, resource } = event as { type: string; resource?: Instance };
        if (type === "put") instances.set(resource!.name, resource!);
        if (type === "delete") instances.delete(resource!.name);
        if (holds([...instances.values()])) return;
      }
      throw new Error("the watch ended before the instances reached the wanted state");
    },
    async restart() {
      daemon = await startDaemon(home);
    },
  };
  try {
    return await work(lab);
  } finally {
    await daemon.stop();
    await removeLeftovers(`${home}/.rune`);
    await Deno.remove(home, { recursive: true });
  }
}

/** Whether exactly this many instances exist, and all of them run. */
export function areRunning(count: number): (instances: Instance[]) => boolean {
  return (instances) =>
    instances.length === count && instances.every((i) => i.status.state === "Running" && i.status.ready);
}

/** The duration of the work, in milliseconds. */
export async function timeWork(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
