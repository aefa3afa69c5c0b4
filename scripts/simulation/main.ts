/**
 * Plays histories one after another. `scripts/simulate.ts` runs it, with the rooms of the host replaced.
 * @module
 */
import { describeEvent, historyOf } from "./events.ts";
import { play } from "./play.ts";
import { shrink } from "./shrink.ts";

/** Plays `histories`, starting with a seed. @returns how many broke a promise: zero or one. */
async function main(seed: number, histories: number): Promise<number> {
  const began = performance.now();
  let steps = 0;
  for (let i = 0; i < histories; i++) {
    const played = await play(historyOf(seed + i));
    steps += played.steps;
    if (!played.violation) continue;
    console.log(`history ${i + 1}, seed ${seed + i}: ${played.violation.message}`);
    const { history, violation, trace } = await shrink(historyOf(seed + i), played);
    console.log(`\nshortest that breaks it (${violation.message}):\n`);
    for (const event of history.events) console.log(`  ${describeEvent(event)}`);
    console.log(`\nthe last calls:\n\n  ${trace.slice(-25).join("\n  ")}`);
    console.log(`\nagain: deno task simulate --seed ${seed + i} --histories 1`);
    return 1;
  }
  const seconds = (performance.now() - began) / 1000;
  const rate = Math.round(histories / seconds);
  console.log(
    `${histories} histories from seed ${seed}, ${steps} steps: every promise kept (${rate} a second)`,
  );
  return 0;
}

if (import.meta.main) {
  const [seed, histories] = Deno.args.map(Number);
  Deno.exit(await main(seed!, histories!));
}
