/**
 * Kills the daemon with SIGKILL at random moments while services, volumes, snapshots and backups come and go.
 * After each kill, everything acknowledged is there and every copy is complete. At the end, the runs match
 * what is stored, there never was a second writer, and nothing is left over.
 *
 * `RUNE_KILLS` sets how often (default 20); `RUNE_SEED` repeats the seed of a printed run.
 * @module
 */
import { sleep } from "../base/delay.ts";
import assert from "node:assert/strict";
import { Model } from "./kills/model.ts";
import { randomOperation } from "./kills/operations.ts";
import { KILLS, randomFrom, SEED } from "./kills/random.ts";
import { withWorld } from "./kills/trial.ts";
import { assertConverged, Copies, look, send, versions } from "./kills/world.ts";
import { noDocker, noRoot } from "./skips.ts";

/** The longest delay of a kill after a request. */
const WINDOW_MS = 250;
/** Acceptable refusals: a deletion in progress may refuse a cast, but the daemon must not fail. */
const REFUSED = /"code":"(not_found|conflict|failed_precondition|already_exists)"/;

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
        const killed = sleep(pause)
          .then(() => host.daemon.stop("SIGKILL")).then(() => dead = true);
        while (!dead) {
          const operation = randomOperation({ model, random, marker }, ++n);
          const answered = model.noteSent(operation);
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
