/** The events of a history, as data: what users request, what goes wrong, and when. @module */
import { pick, pickOf } from "./chance.ts";
import type { CallFault } from "./scheduler.ts";

/** A request of a user. */
export type Wish =
  | { do: "cast"; kind: "service" | "volume" | "snapshot"; body: Record<string, unknown> & { name: string } }
  | { do: "delete"; kind: "service" | "volume" | "snapshot"; name: string; cascade?: true }
  | { do: "restart"; name: string };

/** An event, which happens before the call of its step goes on. */
export type HistoryEvent =
  & { step: number }
  & (
    | { what: "wish"; wish: Wish }
    | { what: "fault"; fault: CallFault }
    /** The daemon is killed, and restarts after this many milliseconds. */
    | { what: "crash"; downMs: number }
    | { what: "reboot" }
    /** The main process of some run exits. */
    | { what: "exit" }
    /** No runner answers for this many steps. */
    | { what: "away"; steps: number }
    /** Events of runners are lost or repeated for this many steps. */
    | { what: "deaf"; steps: number; copies: 0 | 2 }
  );

/** A sequence of events. */
export interface History {
  seed: number;
  events: HistoryEvent[];
}

const GI = (n: number) => `${n}Gi`;

/**
 * Services: one without a volume, one that mounts `data` by name, and one whose claim template makes its
 * volumes.
 */
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

/** The volume that a service mounts by name. Deletion removes or keeps its data. */
const dataVolume = (seed: number, n: number) => ({
  ...volume("data", 1 + pick(3, seed, n, "size")),
  reclaimPolicy: pick(3, seed, "policy") === 0 ? "retain" : "delete",
});

function snapshotOf(seed: number, n: number): Wish {
  const source = pickOf(["data", "own-group-0"], seed, n, "source");
  const name = pickOf(["s1", "s2"], seed, n, "snapshot");
  return { do: "cast", kind: "snapshot", body: { name, source: { volume: source } } };
}

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
  if (kind < 14) return { do: "cast", kind: "volume", body: dataVolume(seed, n) };
  if (kind < 15) return { do: "cast", kind: "volume", body: volume("copy", 1, snapshot) };
  if (kind < 17) return snapshotOf(seed, n);
  if (kind < 18) return { do: "delete", kind: "snapshot", name: snapshot };
  return { do: "delete", kind: "volume", name: pickOf(["data", "copy", "own-group-0"], seed, n, "volume") };
}

/** The number of steps in which the first requests happen. */
const WARM_UP = 110;

/** The history of a seed. It starts with a running service, and mixes requests, deaths and faults. */
export function historyOf(seed: number): History {
  const first = (name: string, scale: number): HistoryEvent => ({
    step: 0,
    what: "wish",
    wish: { do: "cast", kind: "service", body: { name, image: "app:0", ...SERVICES[name]!(seed, 0), scale } },
  });
  const events: HistoryEvent[] = [
    { step: 0, what: "wish", wish: { do: "cast", kind: "volume", body: dataVolume(seed, 0) } },
    first("owner", 1),
    first("group", 1 + pick(2, seed, "group")),
    ...pick(3, seed, "plain") === 0 ? [first("plain", 2)] : [],
  ];
  const count = 4 + pick(14, seed, "count");
  let step = pick(3, seed, "cold") === 0 ? 0 : WARM_UP;
  for (let n = 1; n <= count; n++) {
    // Mostly close together: work in progress is what breaks.
    step += 1 + (pick(3, seed, n, "far") === 0 ? pick(90, seed, n, "gap") : pick(14, seed, n, "gap"));
    for (const { after, ...event } of eventsOf(seed, n)) events.push({ step: step += after, ...event });
  }
  return { seed, events };
}

type Happening<E = HistoryEvent> = E extends HistoryEvent ? Omit<E, "step"> : never;

/** One event, or several related ones, this many steps after the previous one. */
function eventsOf(seed: number, n: number): (Happening & { after: number })[] {
  const kind = pick(22, seed, n, "event");
  const crash: Happening = { what: "crash", downMs: pickOf([0, 0, 1_000, 120_000], seed, n, "down") };
  const soon = 1 + pick(12, seed, n, "soon");
  if (kind < 9) return [{ after: 0, what: "wish", wish: wishOf(seed, n) }];
  if (kind < 11) return [{ after: 0, ...crash }];
  if (kind < 13) return [{ after: 0, what: "wish", wish: wishOf(seed, n) }, { after: soon, ...crash }];
  if (kind < 14) return [{ after: 0, what: "wish", wish: snapshotOf(seed, n) }, { after: soon, ...crash }];
  if (kind < 17) {
    return [{ after: 0, what: "fault", fault: pickOf(["fail", "lose", "slow"] as const, seed, n, "fault") }];
  }
  if (kind < 18) return [{ after: 0, what: "exit" }];
  if (kind < 19) return [{ after: 0, what: "away", steps: 5 + pick(40, seed, n, "away") }];
  if (kind < 21) {
    const steps = 20 + pick(100, seed, n, "deaf");
    return [
      { after: 0, what: "deaf", steps, copies: pickOf([0, 0, 2] as const, seed, n) },
      { after: soon, what: "exit" },
    ];
  }
  return [{ after: 0, what: "reboot" }];
}

/** Describes an event in one line. */
export function describeEvent({ step, ...event }: HistoryEvent): string {
  const { what, ...more } = event;
  return `step ${String(step).padStart(4)}  ${what} ${JSON.stringify(more)}`;
}
