/** Measures containers: a cast compared with the same Engine calls made by hand. @module */
import type { Instance } from "../../model/instance.ts";
import { containerConfig } from "../../runners/docker/container_config.ts";
import { networkName } from "../../runners/docker/labels.ts";
import { ensureTestImage } from "../../runners/docker/test_image.ts";
import { type Engine, engineAnswers, openEngine } from "../engine.ts";
import { areRunning, type Lab, timeWork, withLab } from "./lab.ts";
import { compare, makeSkippedRow, type Row } from "./measurement.ts";

const COUNT = 20;
const ROUNDS = 5;
const COMMAND = ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait"];
const BY_HAND = "bench-by-hand";

/** The baseline: containers with the same configuration as Rune's, made by plain calls. */
export interface ByHand {
  /** Creates and starts this many at once. */
  start(count: number): Promise<void>;
  /**
   * Kills the single container from `start`, waits for its end and starts another: the fastest possible
   * replacement.
   */
  replace(): Promise<void>;
  /** Removes everything that `start` created. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** Prepares the calls. It creates the network here, because Rune's exists before the measurement too. */
export async function openByHand(engine: Engine, image: string): Promise<ByHand> {
  const network = networkName("default", BY_HAND);
  const ids: string[] = [];
  const labels = { "rune.io/daemon": BY_HAND };
  await engine.call("POST /networks/create", { Name: network, Labels: labels, CheckDuplicate: true });
  const startOne = async (index: number) => {
    const config = containerConfig({
      instanceUid: crypto.randomUUID(),
      run: 1,
      namespace: "default",
      service: "floor",
      instance: `floor-${index}`,
      generation: 1,
      specHash: "none",
      image,
      command: COMMAND,
      env: {},
      mounts: [],
      aliases: ["floor", `floor-${index}`],
      publish: [],
    }, { daemonId: BY_HAND });
    const created = await engine.call("POST /containers/create", config) as { Id: string };
    ids.push(created.Id);
    await engine.call(`POST /containers/${created.Id}/start`);
  };
  const clear = async () => {
    await Promise.all(ids.splice(0).map((id) => engine.call(`DELETE /containers/${id}?force=1`)));
  };
  return {
    start: async (count) => {
      await Promise.all(Array.from({ length: count }, (_, index) => startOne(index)));
    },
    replace: async () => {
      const ended = engine.call(`POST /containers/${ids[0]}/wait`);
      await engine.call(`POST /containers/${ids[0]}/kill`);
      await ended;
      await startOne(1);
    },
    clear,
    close: async () => {
      await clear();
      await engine.call(`DELETE /networks/${network}`);
    },
  };
}

const service = (name: string, image: string, scale: number) => ({ name, image, scale, command: COMMAND });

/** Runs the work with a lab, the baseline and an Engine. @returns undefined if no Engine answers. */
async function withEngine<T>(
  work: (lab: Lab, byHand: ByHand, context: { engine: Engine; image: string }) => Promise<T>,
): Promise<T | undefined> {
  if (!await engineAnswers()) return undefined;
  const image = await ensureTestImage();
  const engine = openEngine();
  try {
    const byHand = await openByHand(engine, image);
    try {
      return await withLab((lab) => work(lab, byHand, { engine, image }));
    } finally {
      await byHand.close();
    }
  } finally {
    engine.close();
  }
}

/**
 * A cast of 20 containers until all are running, compared with 20 parallel create and start calls, in turns.
 */
export async function measureCast(): Promise<Row> {
  const what = `cast → ${COUNT} containers running`;
  const row = await withEngine(async (lab, byHand, { image }) => {
    const ours: number[] = [];
    const other: number[] = [];
    // One container stays, to keep the namespace's network: the baseline has its network already too.
    await lab.cast(service("keeper", image, 1));
    await lab.until(areRunning(1));
    for (let round = 0; round < ROUNDS; round++) {
      other.push(await timeWork(() => byHand.start(COUNT)));
      await byHand.clear();
      ours.push(
        await timeWork(async () => {
          await lab.cast(service("fleet", image, COUNT));
          await lab.until(areRunning(COUNT + 1));
        }),
      );
      await lab.api("DELETE /v1/namespaces/default/services/fleet?cascade=true");
      await lab.until(areRunning(1));
    }
    return compare(what, { ours, other, otherName: "raw calls", limit: 1.15 });
  });
  return row ?? makeSkippedRow(what, "no Docker Engine here");
}

/**
 * The replacement of a killed container, by Rune and by hand, compared with one create and start, in turns.
 */
export async function measureReplacement(): Promise<Row[]> {
  const what = "container killed → replacement running";
  const rounds = 2 * ROUNDS;
  const rows = await withEngine(async (lab, byHand, { engine, image }) => {
    const ours: number[] = [];
    const other: number[] = [];
    const hand: number[] = [];
    // Each round kills a different instance: a second crash of the same one would wait for its backoff.
    await lab.cast(service("victim", image, rounds));
    const seen: { instances: Instance[] } = { instances: [] };
    const allRun = areRunning(rounds);
    await lab.until((instances) => {
      seen.instances = instances;
      return allRun(instances);
    });
    for (const victim of seen.instances) {
      other.push(await timeWork(() => byHand.start(1)));
      hand.push(await timeWork(() => byHand.replace()));
      await byHand.clear();
      const replaced = lab.until((instances) => {
        const now = instances.find((i) => i.name === victim.name);
        return now !== undefined && now.status.run > victim.status.run && now.status.state === "Running";
      });
      ours.push(
        await timeWork(async () => {
          await engine.call(`POST /containers/${victim.status.handle}/kill`);
          await replaced;
        }),
      );
    }
    const { budget: _, met: __, ...floor } = compare("the same by plain calls: kill, wait, create + start", {
      ours: hand,
      other,
      otherName: "raw create + start",
      limit: 1.3,
    });
    return [compare(what, { ours, other, otherName: "raw create + start", limit: 1.3 }), {
      ...floor,
      budget: "–",
    }];
  });
  return rows ?? [makeSkippedRow(what, "no Docker Engine here")];
}
