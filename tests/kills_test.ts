/**
 * SIGKILL of the daemon at random moments while services, volumes, snapshots and backups come and go. After
 * each: everything that was acknowledged is there, and every copy is whole; at the end: what runs is what is
 * stored, there was never a second writer, and nothing is left over.
 *
 * `RUNE_KILLS` says how often (default 20), `RUNE_SEED` repeats a run whose seed was printed.
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

/** The daemon dies at most this long after a request was sent. */
const WINDOW_MS = 250;
/**
 * What a request may be refused with: what is being deleted may refuse a cast; only a daemon that fails may
 * not.
 */
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
