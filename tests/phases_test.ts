/**
 * Kills the daemon with SIGKILL in every phase of cast, provision, rollout, snapshot, restore and delete. The
 * next daemon must continue. `RUNE_KILLS` and `RUNE_SEED` as in `kills_test.ts`: one kill per phase for every
 * twenty kills.
 * @module
 */
import { hitEveryPhase } from "./kills/phases.ts";
import { KILLS, randomFrom, SEED } from "./kills/random.ts";
import { withWorld } from "./kills/trial.ts";
import { noDocker, noRoot } from "./skips.ts";

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
