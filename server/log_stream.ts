/** The logs of a service or an instance as one stream: runs merged, restarts and new instances followed. @module */
import type { LogEntry, LogOptions, RunRef } from "../runners/runner.ts";
import type { LogLine } from "../spec/api.ts";
import { RuneError } from "../spec/error.ts";
import { parseStepKey } from "../spec/init_step.ts";
import type { Instance } from "../spec/instance.ts";
import { type AnyResource, describeKey } from "../spec/resource.ts";
import type { Reader } from "../store/store.ts";
import { requireResource } from "./admission/preconditions.ts";
import { Channel } from "./channel.ts";
import type { ServerDeps } from "./deps.ts";
import { currentRun, instancesOf, isOf, runnerFor, type Target } from "./targets.ts";

/** What of the logs is wanted. */
export interface LogRequest extends Omit<LogOptions, "signal"> {
  /** The run before the current one, of each instance. */
  previous: boolean;
  /** The last attempt at this init step, instead of the main process. */
  initStep?: string;
}

type Deps = Pick<ServerDeps, "store" | "runners">;

/** What waits for a client that reads slower than lines come: then the runners' logs are no longer read. */
const BUFFERED = { items: 256, bytes: 256 * 1024, sizeOf: ({ text }: LogLine) => 2 * text.length + 100 };

const toLine = (instance: string, { stream, time, text, continues }: LogEntry): LogLine => ({
  instance,
  stream,
  ...(time !== undefined && { time }),
  text,
  ...(continues && { continues }),
});

/**
 * The lines of a target.
 *
 * @throws {RuneError} at once: `not_found` when there is no such target, or with `previous` no run before the current one.
 */
export function logLines(
  deps: Deps,
  target: Target,
  request: LogRequest,
): (signal: AbortSignal) => AsyncIterable<LogLine> {
  let instances = instancesOf(deps.store, target);
  if (request.previous) {
    instances = instances.filter((i) => i.status.run > 1);
    if (instances.length === 0) {
      throw new RuneError("not_found", `no instance of ${describeKey(target)} had a run before this one`, {
        hint: "leave out --previous to read the run that it has now",
      });
    }
  }
  if (request.initStep !== undefined) return initStepLines(deps, { target, instances, request });
  return (signal) =>
    request.follow && !request.previous
      ? follow({ deps, target, request, signal })
      : inOrder({ deps, instances, request, signal });
}

/** The last attempts at an init step before each instance's current run. */
function initStepLines(
  deps: Deps,
  { target, instances, request }: { target: Target; instances: Instance[]; request: LogRequest },
): (signal: AbortSignal) => AsyncIterable<LogLine> {
  const wanted = request.initStep!;
  const known = new Set(instances.flatMap((i) => i.spec.template.initSteps.map((step) => step.name)));
  if (!known.has(wanted)) {
    throw new RuneError("not_found", `${target.kind} ${describeKey(target)} has no init step "${wanted}"`, {
      hint: known.size === 0 ? "it has none" : `it has: ${[...known].join(", ")}`,
    });
  }
  return async function* (signal) {
    const runs = (await Promise.all([...deps.runners.values()].map((r) => r.list(signal).catch(() => []))))
      .flat();
    const attempts = new Map<string, RunRef>();
    for (const instance of instances) {
      const run = instance.status.run - (request.previous ? 1 : 0);
      const of = runs.filter((r) =>
        r.instanceUid === instance.uid && r.run === run && r.step !== undefined &&
        parseStepKey(r.step).name === wanted
      ).sort((a, b) => parseStepKey(b.step!).attempt - parseStepKey(a.step!).attempt);
      const [last] = of;
      if (last) attempts.set(instance.uid, { instanceUid: last.instanceUid, run, step: last.step! });
    }
    const stepOf = ({ uid }: Instance) => attempts.get(uid);
    yield* inOrder({ deps, instances: instances.filter(stepOf), request, signal, stepOf });
  };
}

interface Stored {
  /** The step whose log is meant. */
  stepOf?: (instance: Instance) => RunRef | undefined;
  deps: Deps;
  instances: Instance[];
  request: LogRequest;
  signal: AbortSignal;
}

/** What is stored, all instances merged by time. */
async function* inOrder({ deps, instances, request, signal, stepOf }: Stored): AsyncGenerator<LogLine> {
  const sources: { name: string; lines: AsyncIterator<LogEntry>; head: LogEntry }[] = [];
  const advance = async (lines: AsyncIterator<LogEntry>) => {
    const next = await lines.next();
    return next.done ? undefined : next.value;
  };
  try {
    for (const instance of instances) {
      const run = instance.status.run - (request.previous ? 1 : 0);
      const step = stepOf?.(instance)?.step;
      // A step comes to its end, and with it what follows it.
      const options = { ...request, follow: step !== undefined && request.follow, signal };
      const stream = await open({ deps, instance, run, ...(step !== undefined && { step }), options });
      if (!stream) continue;
      const lines = stream.values();
      const head = await advance(lines);
      if (head) sources.push({ name: instance.name, lines, head });
    }
    while (sources.length > 0) {
      const first = sources.reduce((a, b) => (b.head.time ?? "") < (a.head.time ?? "") ? b : a);
      yield toLine(first.name, first.head);
      const head = await advance(first.lines);
      if (head) first.head = head;
      else sources.splice(sources.indexOf(first), 1);
    }
  } finally {
    for (const { lines } of sources) await lines.return?.();
  }
}

interface Opening {
  deps: Deps;
  instance: Instance;
  run: number;
  step?: string;
  options: LogOptions;
}

/** The log of one run; undefined when it never was, or is gone. */
async function open(
  { deps, instance, run, step, options }: Opening,
): Promise<ReadableStream<LogEntry> | undefined> {
  if (run < 1) return undefined;
  try {
    return await runnerFor(instance, deps.runners).logs(
      { ...currentRun(instance), run, ...(step !== undefined && { step }) },
      options,
    );
  } catch (error) {
    if (error instanceof RuneError && error.code === "not_found") return undefined;
    throw error;
  }
}

interface Followed {
  deps: Deps;
  target: Target;
  request: LogRequest;
  signal: AbortSignal;
}

/** What is stored and what comes, until the target is gone or the signal aborts. */
async function* follow({ deps, target, request, signal }: Followed): AsyncGenerator<LogLine> {
  const channel = new Channel<LogLine>(BUFFERED);
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);
  const attached = new Set<string>();
  const running = new Set<Promise<void>>();
  const atStart = new Set(deps.store.list("instance", target.namespace).map(runKey));
  const { owns, isGone } = followable(deps.store, target);
  // By uid: an instance that replaces another is renamed when the other is gone.
  const names = new Map<string, string>();

  const attach = async (instance: Instance, key: string) => {
    // What began after the client asked is shown whole: `tail` and `since` speak of the past.
    const past = atStart.has(key) ? {} : { tail: undefined, since: undefined };
    const options = { ...request, ...past, signal: stop };
    const stream = await open({ deps, instance, run: instance.status.run, options });
    if (!stream) {
      // Not made yet: the change that says it runs tries again, also one that came while this was asked.
      attached.delete(key);
      const now = deps.store.list("instance", target.namespace).find(({ uid }) => uid === instance.uid);
      if (now && now.resourceVersion !== instance.resourceVersion) scan();
      return;
    }
    for await (const entry of stream) {
      if (!await channel.send(toLine(names.get(instance.uid)!, entry))) return;
    }
  };
  const endWhenGone = () => {
    if (running.size === 0 && isGone()) channel.end();
  };
  const scan = () => {
    for (const instance of deps.store.list("instance", target.namespace)) {
      if (!owns(instance)) continue;
      names.set(instance.uid, instance.name);
      const key = runKey(instance);
      if (instance.status.run < 1 || attached.has(key)) continue;
      attached.add(key);
      const work = attach(instance, key)
        .catch((error) => void (stop.aborted || channel.end(error)))
        .finally(() => {
          running.delete(work);
          endWhenGone();
        });
      running.add(work);
    }
    endWhenGone();
  };
  const unsubscribe = deps.store.subscribe((changes) => {
    const concerns = ({ kind, namespace }: AnyResource) =>
      namespace === target.namespace && (kind === "instance" || kind === "service");
    if (changes.some(({ resource }) => concerns(resource))) scan();
  });
  const abort = () => channel.end();
  stop.addEventListener("abort", abort, { once: true });
  try {
    if (stop.aborted) return;
    scan();
    yield* channel;
  } finally {
    unsubscribe();
    ended.abort();
    channel.end();
    await Promise.all(running);
  }
}

/** What is followed is one service, known by its uid: another one that took its name is somebody else's. */
interface Followable {
  /** Whether an instance belongs to it. */
  owns(instance: Instance): boolean;
  /** Whether nothing more can come: the service is gone, or no longer has the instance. Between two runs there may be none. */
  isGone(): boolean;
}

function followable(store: Reader, target: Target): Followable {
  const { namespace, name } = target;
  if (target.kind === "service") {
    const { uid } = requireResource(store, { kind: "service", namespace, name });
    return {
      owns: (instance) => isOf(instance, target) && instance.spec.serviceUid === uid,
      isGone: () => store.get("service", namespace, name)?.uid !== uid,
    };
  }
  const { service, serviceUid, ordinal } = requireResource(store, { kind: "instance", namespace, name }).spec;
  return {
    owns: (instance) => isOf(instance, target) && instance.spec.serviceUid === serviceUid,
    isGone() {
      const owner = store.get("service", namespace, service);
      if (owner?.uid !== serviceUid) return true;
      return store.get("instance", namespace, name) === undefined && ordinal >= owner.spec.scale;
    },
  };
}

const runKey = ({ uid, status }: Instance) => `${uid}:${status.run}`;
