/**
 * The Docker runner, whose runs are containers of one Engine. Its only state is a cache of the Engine's.
 * Labels say to which daemon a container belongs; those of other daemons are never touched.
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

/** How to reach the Engine, and for whom. */
export interface DockerRunnerOptions {
  /** Path of the Engine's unix socket. */
  socket: string;
  /** Labels what is made, and with it what may be touched. */
  daemonId: string;
  /** Credentials for pulls; without it, images are asked for as nobody. */
  authFor?: AuthFor;
  /** The address of this host on which ports are published. Default: all of them. */
  publishOn?: string;
  /** What the daemon remembers of its Engine; without it, any Engine that answers will do. */
  bond?: EngineBond;
  /** Told when the connection for events is lost, and of what comes of another Engine. */
  logger?: GuardOptions["logger"];
  /**
   * Milliseconds that a namespace's network outlives its last run, 2000 by default: a run that is replaced
   * need not wait for a network to be made anew.
   */
  networkGraceMs?: number;
}

/**
 * A runner on the Engine at `options.socket`. Nothing is contacted before the first call.
 *
 * `list` tells of runs that have not ended without their pid and times, which would cost one request for
 * each.
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

  /** Removes unused networks after a while; failing costs nothing, as the next time does it. */
  function removeNetworksSoon(): void {
    cleanup?.clear();
    if (closing.signal.aborted) return;
    const removeNetworks = () => void networks.removeUnused(closing.signal).catch(() => undefined);
    cleanup = startTimer(networkGraceMs, removeNetworks, { unref: true });
  }

  /**
   * A network goes with the last run of its namespace, also one that was made for a run that is not there
   * after all.
   */
  function removeNetworkAfterLast(namespace: string | undefined): void {
    if (namespace === undefined || !runs.uses(namespace)) removeNetworksSoon();
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

  /** @throws {RuneError} `not_found` when the run is absent. */
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
      // Perhaps the network, removed by hand since it was last looked at.
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
      // What the Engine made for a step, or for a path that nothing may be mounted on, is nobody's data.
      const { engineVolumes = [] } = ref.step === undefined ? await inspect(ref, signal) : {};
      await removeContainer(engine, known.id, { keepVolumes: engineVolumes.length > 0, signal });
    }
    runs.forget(ref);
    removeNetworkAfterLast(known?.namespace);
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
    const inspected = await Promise.all(states.map((s) => s.state === "exited" ? inspect(s, signal) : s));
    return inspected.filter((s) => s.state !== "absent");
  }

  return {
    name: "docker",
    async check(signal) {
      // Who answers at the socket now, whatever an open connection still leads to.
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
      const { state, made } = await networks.use(spec.namespace, { signal, make }).catch((error) => {
        removeNetworkAfterLast(spec.namespace);
        throw error;
      });
      if (spec.joinsShared && state.state === "created") {
        await joinShared(engine, state.handle!, { networks, daemonId, signal });
      }
      runs.set(spec, { id: state.handle!, namespace: spec.namespace, fresh: made });
      return state;
    },
    async rehearse(spec, { covered, signal }) {
      const make = () => rehearseContainer(engine, spec, { daemonId, publishOn, covered, signal });
      await networks.use(spec.namespace, { signal, make }).finally(() =>
        removeNetworkAfterLast(spec.namespace)
      );
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
        // What was proven before was proven of another one.
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
