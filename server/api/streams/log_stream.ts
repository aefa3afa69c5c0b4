/**
 * Streams the logs of a service or an instance. Runs are merged, and restarts and new instances are followed.
 * @module
 */
import { parseInstanceName } from "../../../model/instance_name.ts";
import type { LogEntry } from "../../../runners/runner.ts";
import type { LogEvent, LogLine } from "../../../model/api.ts";
import type { Instance } from "../../../model/instance.ts";
import type { AnyResource } from "../../../model/resource.ts";
import type { Reader } from "../../../store/store.ts";
import { requireResource } from "../../admission/preconditions.ts";
import { Channel } from "../../http/channel.ts";
import {
  findSources,
  type LogDeps,
  type LogRequest,
  type LogSource,
  openRun,
  resolveTarget,
  serviceOf,
} from "./log_sources.ts";
import { currentRun, isOf, type Target } from "../targets.ts";

/** How much may wait for a slow client before the logs of the runners are no longer read. */
const BUFFERED = {
  items: 256,
  bytes: 256 * 1024,
  sizeOf: ({ text, base64 = "" }: LogLine) => 2 * text.length + base64.length + 100,
};
/** How many notes about missing output a stream has; more would be noise. */
const MAX_NOTES = 10;

const toLine = (instance: string, { stream, time, text, base64, continues }: LogEntry): LogLine => ({
  instance,
  stream,
  ...(time !== undefined && { time }),
  text,
  ...(base64 !== undefined && { base64 }),
  ...(continues && { continues }),
});

const noteEvent = (message: string): LogEvent => ({ event: "note", data: { message } });

/**
 * Streams the lines of a target, and notes for the reader.
 *
 * @param options.signal ends the search; the stream has its own signal.
 * @throws {RuneError} `not_found`, before the stream, if there is no such target or, with `previous`, no
 * earlier run.
 */
export async function logEvents(
  deps: LogDeps,
  { target: named, request, signal }: { target: Target; request: LogRequest; signal: AbortSignal },
): Promise<(signal: AbortSignal) => AsyncIterable<LogEvent>> {
  const target = await resolveTarget(deps, named);
  const found = await findSources(deps, { target, request, signal });
  const follows = request.follow && !request.previous && request.initStep === undefined;
  const followed = findFollowable(deps.store, target);
  const begun = deps.store.list("instance", target.namespace).some((i) =>
    isOf(i, target) && i.status.run > 0
  );
  return async function* (signal) {
    const { sources, without } = found;
    yield { event: "sources", data: { instances: [...new Set(sources.map(({ instance }) => instance))] } };
    if (!follows) return yield* readStored({ sources, without, request, signal });
    // Following shows running instances itself, so the last output is shown only if nothing runs.
    if (!begun) yield* readStored({ sources, without, request: { ...request, follow: false }, signal });
    for await (const data of follow({ deps, target, followed, request, signal })) {
      yield { event: "line", data };
    }
  };
}

interface Stored {
  sources: LogSource[];
  without: string[];
  request: LogRequest;
  signal: AbortSignal;
}

/** Yields the stored output: first its sources, then its lines, and at the end why instances have none. */
async function* readStored({ sources, without, request, signal }: Stored): AsyncGenerator<LogEvent> {
  for (const { note } of sources) if (note !== undefined) yield noteEvent(note);
  let any = false;
  for await (const data of inOrder({ sources, request, signal })) {
    any = true;
    yield { event: "line", data };
  }
  const inTime = request.since !== undefined || request.until !== undefined;
  const silent = any || request.tail === 0 || inTime ? [] : sources.map(({ silence }) => silence);
  const nothing = !any && inTime && sources.length > 0 ? ["nothing was printed in that time"] : [];
  for (const message of [...nothing, ...silent, ...without].slice(0, MAX_NOTES)) yield noteEvent(message);
}

/** Merges all sources by time. The parts of a long line stay together. */
async function* inOrder(
  { sources, request, signal }: Pick<Stored, "sources" | "request" | "signal">,
): AsyncGenerator<LogLine> {
  const heads: { name: string; lines: AsyncIterator<LogEntry>; head: LogEntry }[] = [];
  const advance = async (lines: AsyncIterator<LogEntry>) => {
    const next = await lines.next();
    return next.done ? undefined : next.value;
  };
  try {
    for (const { instance, open } of sources) {
      // An init step has ended, and its successor follows.
      const follow = request.follow && request.initStep !== undefined;
      const stream = await open({ ...request, follow, signal });
      if (!stream) continue;
      const lines = stream.values();
      const head = await advance(lines);
      if (head) heads.push({ name: instance, lines, head });
    }
    let last: typeof heads[number] | undefined;
    while (heads.length > 0) {
      const first = last ?? heads.reduce((a, b) => (b.head.time ?? "") < (a.head.time ?? "") ? b : a);
      yield toLine(first.name, first.head);
      last = first.head.continues ? first : undefined;
      const head = await advance(first.lines);
      if (head) first.head = head;
      else {
        last = undefined;
        heads.splice(heads.indexOf(first), 1);
      }
    }
  } finally {
    for (const { lines } of heads) await lines.return?.();
  }
}

interface Followed {
  deps: LogDeps;
  target: Target;
  followed: Followable;
  request: LogRequest;
  signal: AbortSignal;
}

/** Yields stored and new lines, until the target is gone or the signal aborts. */
async function* follow({ deps, target, followed, request, signal }: Followed): AsyncGenerator<LogLine> {
  const channel = new Channel<LogLine>(BUFFERED);
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);
  const attached = new Set<string>();
  const running = new Set<Promise<void>>();
  const atStart = new Set(deps.store.list("instance", target.namespace).map(runKey));
  const { owns, isGone } = followed;
  // By uid, since a replacement is renamed when the instance before it is gone.
  const names = new Map<string, string>();

  const attach = async (instance: Instance, key: string) => {
    // Runs that began after the request are shown whole: `tail` and `since` are about the past.
    const past = atStart.has(key) ? {} : { tail: undefined, since: undefined };
    const options = { ...request, ...past, signal: stop };
    const stream = await openRun(deps.nodes, { instance, ref: currentRun(instance), options });
    if (!stream) {
      // The run does not exist yet. A change of the instance, even one during this call, tries again.
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

/** A followed service, known by its uid, so that another service that takes its name is not followed. */
interface Followable {
  /** Whether an instance belongs to it. */
  owns(instance: Instance): boolean;
  /**
   * Whether no more output can follow: the service is gone, or no longer has the instance. Between two runs
   * there may be none.
   */
  isGone(): boolean;
}

function findFollowable(store: Reader, target: Target): Followable {
  const { namespace, name } = target;
  if (target.kind === "service") {
    const { uid } = requireResource(store, { kind: "service", namespace, name });
    return {
      owns: (instance) => isOf(instance, target) && instance.spec.serviceUid === uid,
      isGone: () => store.get("service", namespace, name)?.uid !== uid,
    };
  }
  // Between a stop and the next start no instance has this name, but it still belongs to its service.
  const uid = serviceOf(store, target)?.uid;
  const ordinal = parseInstanceName(name)?.ordinal ?? NaN;
  return {
    owns: (instance) => isOf(instance, target) && instance.spec.serviceUid === uid,
    isGone() {
      const owner = serviceOf(store, target);
      if (owner === undefined || owner.uid !== uid) return true;
      return store.get("instance", namespace, name) === undefined && ordinal >= owner.spec.scale;
    },
  };
}

const runKey = ({ uid, status }: Instance) => `${uid}:${status.run}`;
