/**
 * SIGKILL of the daemon, at random moments and in every phase of what it does, while services, volumes, snapshots and backups
 * come and go. After each: everything that was acknowledged is there, and every copy is whole; at the end: what runs is what is
 * stored, there was never a second writer, and nothing is left over.
 *
 * `RUNE_KILLS` says how often (default 20), `RUNE_SEED` repeats a run whose seed was printed. @module
 */
import assert from "node:assert/strict";
import { ensureTestImage } from "../runners/docker/test_image.ts";
import { type Host, startHost } from "./host.ts";
import { Model } from "./kills/model.ts";
import { randomOperation } from "./kills/operations.ts";
import { hitEveryPhase } from "./kills/phases.ts";
import { KILLS, randomFrom, SEED } from "./kills/random.ts";
import { assertAllCanGo, assertConverged, castVolumes, Copies, look, send, versions } from "./kills/world.ts";
import { noDocker, noRoot } from "./skips.ts";

/** The daemon dies at most this long after a request was sent. */
const WINDOW_MS = 250;
/** What a request may be refused with: what is being deleted may refuse a cast; only a daemon that fails may not. */
const REFUSED = /"code":"(not_found|conflict|failed_precondition|already_exists)"/;

/** Runs a test on a host with volumes, and sees that all of it can go at the end. */
async function withWorld(test: (host: Host, marker: string) => Promise<void>): Promise<void> {
  console.log(`RUNE_SEED=${SEED} RUNE_KILLS=${KILLS} repeats this run`);
  await ensureTestImage();
  const shared = await Deno.makeTempDir({ prefix: "rune-test-shared-" });
  const marker = crypto.randomUUID();
  try {
    await using host = await startHost({ runefile: `storage: { hostPathAllowlist: ["${shared}"] }\n` });
    await castVolumes(host, shared);
    await test(host, marker);
    await assertConverged(host, marker);
    await assertAllCanGo(host, { marker, shared });
  } finally {
    await Deno.remove(shared, { recursive: true });
  }
}

Deno.test({
  name:
    `the daemon killed ${KILLS} times at random loses nothing acknowledged, runs nothing twice, leaves nothing (seed ${SEED})`,
  ignore: noDocker || noRoot,
  fn: () =>
    withWorld(async (host, marker) => {
      const random = randomFrom(SEED);
      const model = new Model();
      const copies = new Copies();
      const done: string[] = [];
      let n = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        let dead = false;
        const pause = Math.floor(random() * WINDOW_MS);
        const killed = new Promise((resolve) => setTimeout(resolve, pause))
          .then(() => host.daemon.stop("SIGKILL")).then(() => dead = true);
        while (!dead) {
          const operation = randomOperation({ model, random, marker }, ++n);
          const answered = model.sent(operation);
          const answer = await send(host, operation);
          done.push(`${operation.what}: ${answer ? answer.ok : "killed"}`);
          if (answer && !answer.ok && !REFUSED.test(answer.text)) {
            assert.fail(`${operation.what}: ${answer.text}`);
          }
          answered(answer?.ok);
        }
        await killed;
        await host.restart();
        try {
          model.settle(await versions(host));
          await copies.check(await look(host));
        } catch (error) {
          console.log(done.slice(-12).join("\n"));
          throw error;
        }
      }
      await assertConverged(host, marker);
      await copies.check(await look(host));
    }),
});

Deno.test({
  name: `the daemon killed in every phase of its work carries all of it on (seed ${SEED})`,
  ignore: noDocker || noRoot,
  fn: () =>
    withWorld((host, marker) =>
      hitEveryPhase(host, {
        random: randomFrom(SEED + 1),
        marker,
        times: Math.max(1, Math.round(KILLS / 20)),
      })
    ),
});
