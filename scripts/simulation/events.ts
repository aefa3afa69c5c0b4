/** What happens in a history, as data: what users ask for, what goes wrong, and when. @module */
import { pick, pickOf } from "./chance.ts";
import type { CallFault } from "./scheduler.ts";

/** What a user asks for. */
export type Wish =
  | { do: "cast"; kind: "service" | "volume" | "snapshot"; body: Record<string, unknown> & { name: string } }
  | { do: "delete"; kind: "service" | "volume" | "snapshot"; name: string; cascade?: true }
  | { do: "restart"; name: string };

/** One event; it comes before the call of its step is let through. */
export type HistoryEvent =
  & { step: number }
  & (
    | { what: "wish"; wish: Wish }
    | { what: "fault"; fault: CallFault }
    /** The daemon is killed, and started again after that many milliseconds. */
    | { what: "crash"; downMs: number }
    | { what: "reboot" }
    /** The main process of some run ends by itself. */
    | { what: "exit" }
    /** No runner answers for so many steps. */
    | { what: "away"; steps: number }
    /** Events of runners are lost, or come twice, for so many steps. */
    | { what: "deaf"; steps: number; copies: 0 | 2 }
  );

/** A history. */
export interface History {
  seed: number;
  events: HistoryEvent[];
}

const GI = (n: number) => `${n}Gi`;

/** Services: one that has no volume, one that mounts `data` by name, one whose claim template makes its volumes. */
const SERVICES: Record<string, (seed: number, n: number) => Record<string, unknown>> = {
  plain: (seed, n) => ({ scale: pick(4, seed, n, "scale") }),
  owner: (seed, n) => ({
    scale: pick(2, seed, n, "scale"),
    volumes: [{ name: "data", mountPath: "/data", claim: { name: "data" } }],
  }),
  group: (seed, n) => ({
    scale: pick(3, seed, n, "scale"),
    volumes: [{
      name: "own",
      mountPath: "/own",
      claimTemplate: { size: GI(1), accessMode: "ReadWriteOnce", reclaimPolicy: "delete" },
    }],
  }),
};

const volume = (name: string, size: number, source?: string) => ({
  name,
  size: GI(size),
  accessMode: "ReadWriteOnce",
  reclaimPolicy: "delete",
  ...(source !== undefined && { source: { snapshot: source } }),
});

function wishOf(seed: number, n: number): Wish {
  const kind = pick(20, seed, n, "wish");
  const name = pickOf(Object.keys(SERVICES), seed, n, "service");
  const snapshot = pickOf(["s1", "s2"], seed, n, "snapshot");
  if (kind < 8) {
    const stopTimeout = pickOf(["5s", "30s"], seed, n, "stop");
    const strategy = pickOf(["rolling", "rolling", "recreate"], seed, n, "strategy");
    const body = {
      name,
      image: `app:${pick(3, seed, n, "image")}`,
      stopTimeout,
      update: { strategy },
      ...SERVICES[name]!(seed, n),
    };
    return { do: "cast", kind: "service", body };
  }
  if (kind < 10) return { do: "restart", name };
  if (kind < 12) {
    return { do: "delete", kind: "service", name, ...(pick(2, seed, n) && { cascade: true as const }) };
  }
  if (kind < 14) return { do: "cast", kind: "volume", body: volume("data", 1 + pick(3, seed, n, "size")) };
  if (kind < 15) return { do: "cast", kind: "volume", body: volume("copy", 1, snapshot) };
  if (kind < 17) {
    const source = pickOf(["data", "own-group-0"], seed, n, "source");
    return { do: "cast", kind: "snapshot", body: { name: snapshot, source: { volume: source } } };
  }
  if (kind < 18) return { do: "delete", kind: "snapshot", name: snapshot };
  return { do: "delete", kind: "volume", name: pickOf(["data", "copy", "own-group-0"], seed, n, "volume") };
}

/** The history of a seed: it begins with something to do, and mixes wishes, deaths and faults. */
export function historyOf(seed: number): History {
  const events: HistoryEvent[] = [
    { step: 0, what: "wish", wish: { do: "cast", kind: "volume", body: volume("data", 1) } },
    {
      step: 0,
      what: "wish",
      wish: {
        do: "cast",
        kind: "service",
        body: { name: "owner", image: "app:0", ...SERVICES.owner!(seed, 0), scale: 1 },
      },
    },
  ];
  const count = 4 + pick(14, seed, "count");
  let step = 0;
  for (let n = 1; n <= count; n++) {
    // Mostly close together: what is in the middle of something is what breaks.
    step += 1 + (pick(3, seed, n, "far") === 0 ? pick(90, seed, n, "gap") : pick(14, seed, n, "gap"));
    events.push({ step, ...eventOf(seed, n) });
  }
  return { seed, events };
}

type Happening<E = HistoryEvent> = E extends HistoryEvent ? Omit<E, "step"> : never;

function eventOf(seed: number, n: number): Happening {
  const kind = pick(20, seed, n, "event");
  if (kind < 10) return { what: "wish", wish: wishOf(seed, n) };
  if (kind < 13) return { what: "crash", downMs: pickOf([0, 0, 1_000, 120_000], seed, n, "down") };
  if (kind < 16) return { what: "fault", fault: pickOf(["fail", "lose", "slow"] as const, seed, n, "fault") };
  if (kind < 17) return { what: "exit" };
  if (kind < 18) return { what: "away", steps: 5 + pick(40, seed, n, "away") };
  if (kind < 19) {
    return { what: "deaf", steps: 10 + pick(60, seed, n, "deaf"), copies: pickOf([0, 2] as const, seed, n) };
  }
  return { what: "reboot" };
}

/** An event in a line. */
export function describeEvent({ step, ...event }: HistoryEvent): string {
  const { what, ...more } = event;
  return `step ${String(step).padStart(4)}  ${what} ${JSON.stringify(more)}`;
}
