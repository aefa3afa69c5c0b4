/**
 * The Docker runner, whose runs are containers of one Engine. Its only state is a cache of the Engine's.
 * Labels say to which daemon a container belongs. Containers of other daemons are never touched.
 * @module
 */
import { startTimer, type Timer } from "../../base/delay.ts";
import { RuneError } from "../../model/error.ts";
import type { AdoptionWords, EngineBond } from "../engine_bond.ts";
import type { Runner, RunRef, RunState, StopOptions } from "../runner.ts";
import {
  containerListSchema,
  containerSchema,
  listedStateOf,
  makeAbsentRun,
  mayHaveRunOut,
  stateOf,
} from "./container_state.ts";
import { createContainer } from "./create.ts";
import { type Ask, createEngine, unlessAbsent } from "./engine.ts";
import { createEngineGuard, type GuardOptions } from "./engine_guard.ts";
import { containerEvents } from "./events.ts";
import { execInContainer } from "./exec.ts";
import { pauseContainer, resumeContainer } from "./pause.ts";
import { LABEL, labelFilter, SHARED } from "./labels.ts";
import { createImageAccounts } from "./image_accounts.ts";
import { describeImage } from "./image_facts.ts";
import { createImageFiles } from "./image_files.ts";
import { type AuthFor, pullImage } from "./images.ts";
import { removeContainer, startContainer, stopContainer } from "./lifecycle.ts";
import { kernelKilledForMemory } from "./kernel_log.ts";
import { containerLogs } from "./logs.ts";
import { createNetworks } from "./network.ts";
import { createPauseLock } from "./pause_lock.ts";
import { joinShared, publishContainer } from "./publish.ts";
import { rehearseContainer } from "./rehearse.ts";
import { createRunIndex, type KnownRun } from "./run_index.ts";
import { containerStats } from "./stats.ts";

/** Options of the runner. */
export interface DockerRunnerOptions {
  /** Path of the Engine's unix socket. */
  socket: string;
  /** Labels everything that the runner creates. It touches only objects with this label. */
  daemonId: string;
  /** Finds credentials for pulls. Default: pulls are anonymous. */
  authFor?: AuthFor;
  /** The address of this host on which ports are published. Default: all of them. */
  publishOn?: string;
  /** The daemon's record of its Engine. Default: any Engine is accepted. */
  bond?: EngineBond;
  /** Logs when the connection for events is lost, and when another Engine appears. */
  logger?: GuardOptions["logger"];
  /**
   * How many milliseconds a namespace's network outlives its last run; default 2000. So replacing a run does
   * not create a new network.
   */
  networkGraceMs?: number;
}

/**
 * A runner on the Engine at `options.socket`. Nothing is contacted before the first call.
 *
 * For runs that have not ended, `list` omits pid and times, which would cost one request each.
 */
export function createDockerRunner(options: DockerRunnerOptions): Runner & { close(): void } {
  const { socket, daemonId, publishOn, logger, networkGraceMs = 2000 } = options;
  const keeper = options.bond && createEngineGuard({
    daemonId,
    bond: options.bond,
    onRefused: () => engine.drop(),
    onTaken: () => networks.recheckAll(),
    ...(logger && { logger }),
  });
  const engine = createEngine(socket, keeper);
  const runs = createRunIndex(engine, daemonId);
  const networks = createNetworks(engine, daemonId);
  const imageFiles = createImageFiles(engine, daemonId);
  const closing = new AbortController();
  const pauseLock = createPauseLock({ socket, closing: closing.signal });
  const describe = (image: string, signal: AbortSignal) => describeImage(engine, image, signal);
  const ownerOf = createImageAccounts({ describe, read: imageFiles.texts });
  let cleanup: Timer | undefined;

  /**
   * Removes unused networks when this has not been called for a while. If the removal fails, or the daemon
   * dies before it, the next {@linkcode list} starts another one.
   */
  function removeNetworksSoon(): void {
    cleanup?.clear();
    cleanup = undefined;
    if (closing.signal.aborted) return;
    cleanup = startTimer(networkGraceMs, () => {
      cleanup = undefined;
      void networks.removeUnused(closing.signal).catch(() => undefined);
    }, { unref: true });
  }

  async function inspect(ref: RunRef, signal: AbortSignal): Promise<RunState> {
    const known = await runs.find(ref, signal);
    if (!known) return makeAbsentRun(ref);
    const what = "inspect a container";
    const container = await unlessAbsent(
      engine.json(`/containers/${known.id}/json`, { what, schema: containerSchema, signal }),
    );
    if (container) {
      const state = stateOf(container, { ref, daemonId });
      if (!mayHaveRunOut(container)) return state;
      known.outOfMemory ??= await kernelKilledForMemory(known.id);
      return { ...state, oomKilled: known.outOfMemory };
    }
    runs.forget(ref);
    return makeAbsentRun(ref);
  }

  /** @throws {RuneError} `not_found` if the run is absent. */
  async function requireRun(ref: RunRef, signal: AbortSignal): Promise<KnownRun> {
    const known = await runs.find(ref, signal);
    if (known) return known;
    throw new RuneError("not_found", `run ${ref.run} of instance ${ref.instanceUid} does not exist`, {
      hint: "it was removed, or never made (rune get instances)",
    });
  }

  async function start(ref: RunRef, signal: AbortSignal): Promise<RunState> {
    const known = await requireRun(ref, signal);
    if (!known.fresh) {
      // The Engine would start an ended container again.
      const state = await inspect(ref, signal);
      if (state.state === "running" || state.state === "exited") return state;
    }
    known.fresh = false;
    const attempt = () =>
      networks.use(known.namespace, { signal, make: () => startContainer(engine, known.id, signal) });
    try {
      await attempt();
    } catch (error) {
      if (!(error instanceof RuneError) || error.code !== "not_found") throw error;
      // The network may have been removed by hand since the last check.
      networks.recheck(known.namespace);
      networks.recheck(SHARED);
      await attempt();
    }
    return await inspect(ref, signal);
  }

  async function stop(ref: RunRef, options: StopOptions): Promise<RunState> {
    const known = await runs.find(ref, options.signal);
    if (!known) return makeAbsentRun(ref);
    const { killed } = await stopContainer(engine, known.id, options);
    const state = await inspect(ref, options.signal);
    return killed && state.state === "exited" ? { ...state, killed } : state;
  }

  async function whereKnown(
    ref: RunRef,
    { what, change, signal }: { what: string; change: typeof pauseContainer; signal: AbortSignal },
  ): Promise<RunState> {
    const known = await runs.find(ref, signal);
    if (!known) return makeAbsentRun(ref);
    const work = (limit: AbortSignal) => change(engine, known.id, { signal, limit });
    await pauseLock(known.id, { what, signal, work });
    return await inspect(ref, signal);
  }

  async function remove(ref: RunRef, signal: AbortSignal): Promise<void> {
    const known = await runs.find(ref, signal);
    if (known) {
      // Engine volumes of a step, or at a path that cannot be a mount, have no data worth keeping.
      const { engineVolumes = [] } = ref.step === undefined ? await inspect(ref, signal) : {};
      await removeContainer(engine, known.id, { keepVolumes: engineVolumes.length > 0, signal });
    }
    runs.forget(ref);
    removeNetworksSoon();
  }

  async function list(signal: AbortSignal): Promise<RunState[]> {
    await imageFiles.sweep(signal);
    const containers = await engine.json("/containers/json", {
      what: "list Rune's containers",
      schema: containerListSchema,
      query: { all: "1", filters: labelFilter({ [LABEL.daemon]: daemonId }) },
      signal,
    });
    const states = containers.flatMap((c) => listedStateOf(c, daemonId) ?? []);
    for (const state of states) runs.add(state, { id: state.handle!, namespace: state.namespace ?? "" });
    // An earlier daemon may have been killed before it removed a network, or a removal may have failed.
    if (!cleanup) removeNetworksSoon();
    const inspected = await Promise.all(states.map((s) => s.state === "exited" ? inspect(s, signal) : s));
    return inspected.filter((s) => s.state !== "absent");
  }

  return {
    name: "docker",
    async check(signal) {
      // Uses a new connection, since an open one may lead to an earlier Engine.
      await engine.send("/_ping", { what: "ask Docker whether it works", signal, anew: true });
    },
    pull: (image, pulling) => pullImage(engine, image, { ...pulling, authFor: options.authFor }),
    describeImage: describe,
    ownerOf: async (context, { image, signal }) =>
      image === undefined ? {} : await ownerOf(context, { image, signal }),
    lookIntoImage: (image, paths, signal) => imageFiles.look(image, paths, signal),
    readImage: (directory, signal) => imageFiles.read(directory, signal),
    async create(spec, signal) {
      const make = () => createContainer(engine, spec, { daemonId, publishOn, signal });
      const { state, created } = await networks.use(spec.namespace, { signal, make }).catch((error) => {
        // The network may have been created for this run alone.
        removeNetworksSoon();
        throw error;
      });
      if (spec.joinsShared && state.state === "created") {
        await joinShared(engine, state.handle!, { networks, daemonId, signal });
      }
      runs.set(spec, { id: state.handle!, namespace: spec.namespace, fresh: created });
      return state;
    },
    async rehearse(spec, { covered, signal }) {
      const make = () => rehearseContainer(engine, spec, { daemonId, publishOn, covered, signal });
      await networks.use(spec.namespace, { signal, make }).finally(removeNetworksSoon);
    },
    start,
    stop,
    pause: (ref, signal) => whereKnown(ref, { what: "pause the container", signal, change: pauseContainer }),
    resume: (ref, signal) =>
      whereKnown(ref, { what: "resume the container", signal, change: resumeContainer }),
    remove,
    inspect,
    publish: async (ref, options) => {
      const known = await runs.find(ref, options.signal);
      if (known) await publishContainer(engine, known, { ...options, networks, daemonId });
    },
    list,
    ...(keeper && {
      async adopt(words: AdoptionWords, signal: AbortSignal) {
        const use = (ask: Ask, limit: AbortSignal) => keeper.adopt(ask, words, limit);
        const adoption = await engine.askAlone("adopt the Docker Engine", { signal, use });
        // The earlier verification was about another Engine.
        if (adoption.changed) engine.drop();
        return adoption;
      },
    }),
    events: (signal) =>
      containerEvents(engine, {
        daemonId,
        signal,
        onLost: (error) =>
          logger?.warn("lost Docker's events: {reason}", { reason: error.message, hint: error.hint }),
      }),
    logs: async (ref, options) => containerLogs(engine, (await requireRun(ref, options.signal)).id, options),
    exec: async (ref, options) =>
      execInContainer(engine, (await requireRun(ref, options.signal)).id, { ...options, lock: pauseLock }),
    async stats(ref, signal) {
      const known = await runs.find(ref, signal);
      if (!known) return undefined;
      const stats = await unlessAbsent(containerStats(engine, known.id, { previous: known.sample, signal }));
      known.sample = stats?.sample;
      return stats && { milliCpu: stats.milliCpu, memoryBytes: stats.memoryBytes };
    },
    close() {
      cleanup?.clear();
      closing.abort();
      engine.close();
    },
  };
}
