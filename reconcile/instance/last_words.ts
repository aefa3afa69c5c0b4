/**
 * Looks at the end of a run's output for two failures that are common and hard to recognise: a volume that
 * the user may not write, and a full volume. The suggestion is added to how the run ended. It quotes no
 * output, because a person who may see a service may not always see its logs.
 * @module
 */
import type { NodeRunner } from "../../node/node_runner.ts";
import type { LogEntry, RunRef } from "../../runners/runner.ts";
import { describeKey } from "../../model/resource.ts";
import { describeShortage } from "../../model/format.ts";
import type { Node } from "../../node/node.ts";
import type { InstanceStep, InstanceView, MountView } from "./view.ts";

/** How many lines are examined, and how many characters of each. */
const LINES = 20;
const CHARACTERS = 1000;
/** Time limit for reading the log. */
const READ_MS = 2_000;

const DENIED = /\bpermission denied\b|\bEACCES\b|\boperation not permitted\b|\bEPERM\b/i;
const FULL = /\bno space left on device\b|\bENOSPC\b|\bdisk quota exceeded\b|\bEDQUOT\b|\bdisk is full\b/i;

type Settle = Extract<InstanceStep, { do: "settle" }>;

/** Adds a suggestion to a step that reports a failed run, if the output suggests one. */
export async function explainEnd(
  step: Settle,
  { view, node, runner, signal }: {
    view: InstanceView;
    node: Pick<Node, "volumes">;
    runner: NodeRunner;
    signal: AbortSignal;
  },
): Promise<Settle> {
  const { instance, run, mounts } = view;
  const writable = mounts.filter(({ mount }) => !mount.readOnly);
  const { event, status } = step;
  const endedBadly = event?.type === "Warning" && event.reason === "Exited" && run?.state === "exited";
  if (!endedBadly || writable.length === 0) return step;
  const lines = await lastLines(runner, { ref: { instanceUid: instance.uid, run: run.run }, signal });
  const advice = await findSuggestion(lines, { writable, node, signal });
  if (advice === undefined) return step;
  const { message, lastFailure } = status;
  return {
    ...step,
    status: {
      ...status,
      message: message === undefined ? advice : `${advice}; ${message}`,
      ...(lastFailure && { lastFailure: { ...lastFailure, message: `${lastFailure.message}; ${advice}` } }),
    },
    event: { ...event, message: `${event.message}; ${advice}` },
  };
}

async function lastLines(
  runner: NodeRunner,
  { ref, signal }: { ref: RunRef; signal: AbortSignal },
): Promise<string[]> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(READ_MS)]);
  const lines: string[] = [];
  try {
    const log: ReadableStream<LogEntry> = await runner.logs(ref, {
      follow: false,
      tail: LINES,
      signal: limit,
    });
    for await (const { text } of log) {
      lines.push(text.slice(0, CHARACTERS));
      if (lines.length >= LINES) break;
    }
  } catch {
    // Use the lines read so far, even if there are none.
  }
  return lines;
}

/** Returns a suggestion for the last lines of a failed run. Exported for its table test. */
export async function findSuggestion(
  lines: string[],
  { writable, node, signal }: { writable: MountView[]; node: Pick<Node, "volumes">; signal: AbortSignal },
): Promise<string | undefined> {
  if (lines.some((line) => FULL.test(line))) {
    for (const view of writable) {
      const shortage = view.volume && await node.volumes.findShortage(view.volume.uid, signal);
      if (shortage) {
        const why = describeShortage(shortage);
        return `volume ${describeKey(view)} is full (${why}): make room, or grow it (rune volume resize)`;
      }
    }
    return undefined;
  }
  const denied = lines.filter((line) => DENIED.test(line));
  if (denied.length === 0) return undefined;
  const view = writable.find(({ mount }) => denied.some((line) => mentions(line, mount.mountPath))) ??
    // A path outside all volumes is a different problem.
    (denied.some((line) => /(^|[\s'"`:=(])\/\w/.test(line)) ? undefined : writable[0]);
  if (!view) return undefined;
  const { name, mountPath } = view.mount;
  return `it seems that its user may not write ${mountPath}: set fsUser of the mount "${name}" to the number of ` +
    "the user that it runs as";
}

/** Whether a line names a path or a path below it. */
function mentions(line: string, path: string): boolean {
  for (let at = line.indexOf(path); at >= 0; at = line.indexOf(path, at + 1)) {
    if (!/[\w.-]/.test(line[at + path.length] ?? "")) return true;
  }
  return false;
}
