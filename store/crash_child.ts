/**
 * The process that `crash_test.ts` kills. It opens the store in the directory of its first argument, writes
 * rounds of transactions and prints each acknowledged round. It kills itself before or after the KV commit
 * with the given number.
 * @module
 */
import { openStore } from "./store.ts";
import { configmap, onCommit } from "./store_fixture.ts";

const [dataDir, killAt, when, size] = Deno.args as [string, string, "before" | "after", string];

const store = await openStore({ dataDir, journalLimit: 1e6 });
onCommit(async (real, call) => {
  if (call === Number(killAt) && when === "before") Deno.kill(Deno.pid, "SIGKILL");
  const result = await real();
  if (call === Number(killAt)) Deno.kill(Deno.pid, "SIGKILL");
  return result;
});
for (let round = store.revision + 1;; round++) {
  await store.transact((tx) => {
    for (let n = 0; n < Number(size); n++) {
      const current = tx.get("configmap", "default", `c${n}`);
      if (current) tx.update(current, { labels: { round: `${round}` } });
      else tx.create({ ...configmap(`c${n}`), labels: { round: `${round}` } });
    }
  });
  // Synchronous: an acknowledgement must be on record before the kill.
  Deno.stdout.writeSync(new TextEncoder().encode(`${round}\n`));
}
