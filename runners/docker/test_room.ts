/**
 * For tests only: a Docker runner with its own daemon id, and the removal of everything with its label.
 * @module
 */
import { z } from "zod";
import type { Runner, RunSpec } from "../runner.ts";
import { createEngine, type Engine } from "./engine.ts";
import { LABEL, labelFilter } from "./labels.ts";
import { createDockerRunner, type DockerRunnerOptions } from "./runner.ts";
import { ensureTestImage, TEST_SOCKET } from "./test_image.ts";

/** Everything that a test of the Docker runner needs. */
export interface DockerRoom {
  runner: Runner;
  daemonId: string;
  /** A fresh runner over the same containers; the older one is closed. */
  reopen(options?: Partial<DockerRunnerOptions>): Runner;
  /** A run with its own instance, whose main process is `/bin/sh -c script`. */
  shell(script: string, overrides?: Partial<RunSpec>): RunSpec;
  /** Reads the Engine's answer about an object of this room, `/containers/…/json`. */
  readRaw(path: string): Promise<Record<string, unknown>>;
  list(path: string): Promise<Record<string, unknown>[]>;
  /** Changes something behind the runner's back. */
  send(path: string, method: "POST" | "DELETE", body?: unknown): Promise<void>;
  cleanup(): Promise<void>;
}

const what = "do what a test asks";
const objectSchema = z.record(z.string(), z.unknown());
const idsSchema = z.array(z.object({ Id: z.string() }));

/** Creates a room, and the image. */
export async function makeDockerRoom(options: Partial<DockerRunnerOptions> = {}): Promise<DockerRoom> {
  const image = await ensureTestImage();
  const daemonId = crypto.randomUUID();
  const open = (more: Partial<DockerRunnerOptions> = {}) =>
    createDockerRunner({ socket: TEST_SOCKET, daemonId, networkGraceMs: 50, ...options, ...more });
  let runner = open();
  let instances = 0;
  return {
    get runner() {
      return runner;
    },
    daemonId,
    reopen(more) {
      runner.close();
      return runner = open(more);
    },
    shell: (script, overrides = {}) => ({
      instanceUid: crypto.randomUUID(),
      run: 1,
      namespace: "test",
      service: "web",
      instance: `web-${instances++}`,
      generation: 1,
      specHash: "hash",
      image,
      command: ["/bin/sh", "-c"],
      args: [script],
      env: {},
      mounts: [],
      aliases: [],
      publish: [],
      ...overrides,
    }),
    readRaw: (path) =>
      withEngine((engine, signal) => engine.json(path, { what, schema: objectSchema, signal })),
    list: (path) =>
      withEngine((engine, signal) => engine.json(path, { what, schema: z.array(objectSchema), signal })),
    send: (path, method, body) =>
      withEngine((engine, signal) => engine.send(path, { what, method, body, signal })),
    async cleanup() {
      runner.close();
      await removeAll(daemonId);
    },
  };
}

/** Removes every container and network of a daemon. */
async function removeAll(daemonId: string): Promise<void> {
  const query = { all: "1", filters: labelFilter({ [LABEL.daemon]: daemonId }) };
  await withEngine(async (engine, signal) => {
    const containers = await engine.json("/containers/json", { what, schema: idsSchema, query, signal });
    await Promise.all(
      containers.map(({ Id }) =>
        engine.send(`/containers/${Id}`, { what, method: "DELETE", query: { force: "1", v: "1" }, signal })
      ),
    );
    for (const { Id } of await engine.json("/networks", { what, schema: idsSchema, query, signal })) {
      await engine.send(`/networks/${Id}`, { what, method: "DELETE", signal });
    }
  });
}

async function withEngine<T>(call: (engine: Engine, signal: AbortSignal) => Promise<T>): Promise<T> {
  const engine = createEngine(TEST_SOCKET);
  try {
    return await call(engine, AbortSignal.timeout(30_000));
  } finally {
    engine.close();
  }
}
