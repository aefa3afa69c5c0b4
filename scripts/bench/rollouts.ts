/**
 * Measures rollouts: the replacement of running containers, compared with as many starts by plain Engine
 * calls.
 * @module
 */
import type { Instance } from "../../model/instance.ts";
import { ensureTestImage } from "../../runners/docker/test_image.ts";
import { engineAnswers, openEngine } from "../engine.ts";
import { openByHand } from "./containers.ts";
import { type Lab, timeWork, withLab } from "./lab.ts";
import { formatMs, makeSkippedRow, median, type Row } from "./measurement.ts";

const COMMAND = ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait"];
const COUNT = 20;
const ROUNDS = 5;

/** Whether a generation is complete: this many ready instances, and no others. */
const areRenewed = (count: number, generation: number) => (instances: Instance[]) =>
  instances.length === count &&
  instances.every((i) =>
    i.status.ready && i.spec.serviceGeneration === generation && !i.name.endsWith("-next")
  );

async function measureRounds(
  image: string,
  service: { count: number; rounds: number; maxUnavailable: number },
) {
  const { count, rounds, maxUnavailable } = service;
  const body = (version: number) => ({
    name: "fleet",
    image,
    scale: count,
    command: COMMAND,
    env: { V: String(version) },
    update: { maxUnavailable },
  });
  return await withLab(async (lab: Lab) => {
    const times: number[] = [];
    await lab.cast(body(1));
    await lab.until(areRenewed(count, 1));
    for (let version = 2; version < rounds + 2; version++) {
      times.push(
        await timeWork(async () => {
          await lab.cast(body(version));
          await lab.until(areRenewed(count, version));
        }),
      );
    }
    return median(times);
  });
}

/** A rollout of 20 replicas, 5 at a time, and of one, compared with as many sequential starts. */
export async function measureRollouts(): Promise<Row[]> {
  const whats = [`rollout of ${COUNT} replicas, 5 at a time`, "restart of one instance, start-first"];
  if (!await engineAnswers()) return whats.map((what) => makeSkippedRow(what, "no Docker Engine here"));
  const image = await ensureTestImage();
  const engine = openEngine();
  const byHand = await openByHand(engine, image);
  try {
    const rows: Row[] = [];
    for (
      const [what, count, rounds, maxUnavailable] of [
        [whats[0]!, COUNT, 1, 5],
        [whats[1]!, 1, ROUNDS, 1],
      ] as const
    ) {
      const other = await timeWork(() => byHand.start(count));
      await byHand.clear();
      const ours = await measureRounds(image, { count, rounds, maxUnavailable });
      rows.push({
        what,
        measured: formatMs(ours),
        against: `${count} raw create + start ${formatMs(other)}`,
        ratio: ours / other,
        budget: "–",
      });
    }
    return rows;
  } finally {
    await byHand.close();
    engine.close();
  }
}
