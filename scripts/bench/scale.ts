/** Measures lists, watches and starts with 5,000 stored services. @module */
import { feelPulse } from "../../tests/pulse.ts";
import { residentMb } from "./daemon.ts";
import { eventData, timeWork, withLab } from "./lab.ts";
import { formatMs, median, type Row } from "./measurement.ts";

const SERVICES = 5000;
const SET = 1000;
const PAGE = 500;
const ROUNDS = 9;
const SERVICES_URL = "/v1/namespaces/default/services";

/** Services without instances, cast a thousand at a time. */
export function measureScale(): Promise<Row[]> {
  return withLab(async (lab) => {
    const sets: number[] = [];
    for (let set = 0; set < SERVICES / SET; set++) {
      const services = Array.from({ length: SET }, (_, i) => ({
        name: `stored-${set * SET + i}`,
        image: "none:1",
        scale: 0,
      }));
      sets.push(await timeWork(() => lab.cast(...services)));
    }
    let bytes = 0;
    const read = async (query: string) => {
      bytes = (await (await fetch(`${lab.daemon.url}${SERVICES_URL}${query}`)).arrayBuffer()).byteLength;
    };
    const medianOf = async (work: () => Promise<unknown>) => {
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round++) times.push(await timeWork(work));
      return formatMs(median(times));
    };
    const row = (what: string, measured: string, against: string): Row => ({
      what: `${SERVICES} stored services: ${what}`,
      measured,
      against,
      budget: "–",
    });
    const pulse = feelPulse(lab.daemon);
    while ((await pulse.lap()).answers === 0) await read(`?limit=1`);
    const page = await medianOf(() => read(`?limit=${PAGE}`));
    const whole = await medianOf(() => read(""));
    const synced = await medianOf(async () => {
      const left = new AbortController();
      const answer = await fetch(`${lab.daemon.url}${SERVICES_URL}?watch=true`, { signal: left.signal });
      for await (const event of eventData(answer.body!)) {
        if ((event as { type: string }).type === "sync") break;
      }
      left.abort();
    });
    const { longestMs } = await pulse.lap();
    pulse[Symbol.dispose]();
    const mb = await residentMb(lab.daemon.pid);
    await lab.daemon.stop();
    const start = await timeWork(() => lab.restart());
    return [
      row(`cast of the last ${SET}`, formatMs(sets.at(-1)!), `the first ${SET}: ${formatMs(sets[0]!)}`),
      row("a page of the list", page, `${PAGE} of them`),
      row("list of all", whole, `${(bytes / 1024).toFixed(0)} KiB of JSON`),
      row("watch until all are told", synced, `${SERVICES} events`),
      row("most computed before an answer", formatMs(longestMs), "CPU, while all that went on"),
      row("memory", `${mb.toFixed(0)} MB`, "after all that"),
      row("start → /healthz 200", formatMs(start), "from source"),
    ];
  });
}
