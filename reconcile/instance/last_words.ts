/**
 * What the end of a run's output suggests, for the two failures that many meet and few recognise: a volume
 * that its user may not write, and one that is full. A suggestion, said beside how the run ended. Nothing of
 * the output itself is told: whoever may see a service may not always see its logs.
 * @module
 */
import type { NodeRunner } from "../../node/node_runner.ts";
import type { LogEntry, RunRef } from "../../runners/runner.ts";
import { describeKey } from "../../model/resource.ts";
import { describeShortage } from "../../model/format.ts";
import type { Node } from "../../node/node.ts";
import type { InstanceStep, InstanceView, MountView } from "./view.ts";

/** Lines that are looked at, and letters of each. */
const LINES = 20;
const LETTERS = 1000;
/** A log that cannot be read in this time says nothing. */
const READ_MS = 2_000;

const DENIED = /\bpermission denied\b|\bEACCES\b|\boperation not permitted\b|\bEPERM\b/i;
const FULL = /\bno space left on device\b|\bENOSPC\b|\bdisk quota exceeded\b|\bEDQUOT\b|\bdisk is full\b/i;

type Settle = Extract<InstanceStep, { do: "settle" }>;

/** The step with a suggestion, where it tells of a run that ended badly and its output suggests something. */
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
  const advice = await suggestion(lines, { writable, node, signal });
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
      lines.push(text.slice(0, LETTERS));
      if (lines.length >= LINES) break;
    }
  } catch {
    // What was read is enough, and nothing is too.
  }
  return lines;
}

/** What to say of the last lines of a run that ended badly. Exported for its table of cases. */
export async function suggestion(
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
    // A path that is no volume's is another trouble.
    (denied.some((line) => /(^|[\s'"`:=(])\/\w/.test(line)) ? undefined : writable[0]);
  if (!view) return undefined;
  const { name, mountPath } = view.mount;
  return `it seems that its user may not write ${mountPath}: set fsUser of the mount "${name}" to the number of ` +
    "the user that it runs as";
}

/** Whether a line names a path, or one below it. */
function mentions(line: string, path: string): boolean {
  for (let at = line.indexOf(path); at >= 0; at = line.indexOf(path, at + 1)) {
    if (!/[\w.-]/.test(line[at + path.length] ?? "")) return true;
  }
  return false;
}
