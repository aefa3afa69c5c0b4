/** Measures the command line: how long a person waits. @module */
import { capture } from "../command.ts";
import { RUNE } from "../daemon.ts";
import { timeWork, withLab } from "./lab.ts";
import { formatMs, median, type Row } from "./measurement.ts";

const ROUNDS = 15;
const BUDGET_MS = 100;

/** `rune get services` from source, warm, compared with an empty Deno program, in turns. */
export function measureClient(): Promise<Row> {
  return withLab(async (lab) => {
    const empty = await Deno.makeTempFile({ suffix: ".js" });
    try {
      const client = async () => {
        const { code, stderr } = await capture([...RUNE, "get", "services"], { env: lab.daemon.env });
        if (code !== 0) throw new Error(`rune get services failed: ${stderr}`);
      };
      const runBare = () => capture([Deno.execPath(), "run", "-A", empty]);
      await client();
      await runBare();
      const ours: number[] = [];
      const other: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        other.push(await timeWork(runBare));
        ours.push(await timeWork(client));
      }
      const [mine, floor] = [median(ours), median(other)];
      return {
        what: "rune get services, warm, from source",
        measured: formatMs(mine),
        against: `empty program ${formatMs(floor)}`,
        ratio: mine / floor,
        budget: `≤ ${BUDGET_MS} ms`,
        met: mine <= BUDGET_MS,
      };
    } finally {
      await Deno.remove(empty);
    }
  });
}
