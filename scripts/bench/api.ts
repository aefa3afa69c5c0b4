/** Measures the API: large lists and small reads. @module */
import { capture, findProgram } from "../command.ts";
import { timeWork, withLab } from "./lab.ts";
import { formatMs, median, type Row } from "./measurement.ts";

const SERVICES = 1000;
const LIST_ROUNDS = 30;
const LIST_BUDGET_MS = 15;
const READS = 4000;
const PARALLEL = 16;
const READS_BUDGET = 2000;

/** Lists 1,000 stored services, then reads one of them repeatedly. The daemon has one core to itself. */
export function measureApi(): Promise<Row[]> {
  return withLab(async (lab) => {
    const pinned = findProgram("taskset") !== undefined &&
      (await capture(["taskset", "-a", "-cp", "0", String(lab.daemon.pid)])).code === 0;
    const makeStored = (i: number) => ({ name: `stored-${i}`, image: "none:1", scale: 0 });
    await lab.cast(...Array.from({ length: SERVICES }, (_, i) => makeStored(i)));
    const read = async (path: string) => {
      const response = await fetch(lab.daemon.url + path);
      const body = await response.arrayBuffer();
      if (!response.ok) throw new Error(`GET ${path}: ${response.status}`);
      return body.byteLength;
    };
    const list = () => read(`/v1/namespaces/default/services?limit=${SERVICES}`);
    const bytes = await list();
    const lists: number[] = [];
    for (let round = 0; round < LIST_ROUNDS; round++) lists.push(await timeWork(list));
    let left = READS;
    const reader = async () => {
      while (left-- > 0) await read("/v1/namespaces/default/services/stored-500");
    };
    const ms = await timeWork(() => Promise.all(Array.from({ length: PARALLEL }, reader)));
    const perSecond = READS / (ms / 1000);
    return [{
      what: `list ${SERVICES} services over the API`,
      measured: formatMs(median(lists)),
      against: `${(bytes / 1024).toFixed(0)} KiB of JSON`,
      budget: `≤ ${LIST_BUDGET_MS} ms`,
      met: median(lists) <= LIST_BUDGET_MS,
    }, {
      what: "small reads",
      measured: `${perSecond.toFixed(0)} /s`,
      against: `${PARALLEL} at once, ${pinned ? "daemon on one core" : "daemon not pinned"}`,
      budget: `≥ ${READS_BUDGET} /s`,
      met: perSecond >= READS_BUDGET,
    }];
  });
}
