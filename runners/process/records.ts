/**
 * The files of the process runner, and the protocol by which a run starts at most once.
 *
 * ```
 * <root>/<instanceUid>-<run>[+<step>]/  0700
 *   spec.json      the RunSpec (0600) with the names of secrets, without their values; the directory appears
 *                  complete, by rename
 *   tracked        symbolic link whose target is its content: what tells the run's processes,
 *                  `<by> <group>`; see members.ts
 *   starting       start() was asked for; written before anything is spawned
 *   claim          symbolic link whose target is its content: `<pid> <start time> <boot id>`, or `abandoned`
 *   error          why the mounts or control groups could not be made; empty when they were
 *   stdout.log stderr.log marks    output, see log_file.ts
 *   ended.json     the outcome; written by the runner once no process of the run is left
 * <root>/signals/  one directory, so that one watch sees every run
 *   <name>.alive   held open by the wrapper; closing it tells that the wrapper ended
 *   <name>.ready   the main process's pid, when its mounts are made
 *   <name>.exit    symbolic link whose target is the main process's exit code
 * ```
 *
 * The claim decides every race. The wrapper creates it as its first act, and ends at once if it exists. So at
 * most one of a run's wrappers runs the command, whether this daemon or a crashed one spawned them. A
 * `starting` without a claim means that a daemon died around the spawn, and the wrapper may still start. Then
 * start() spawns another one, and the first one to claim is the run. Callers that must be sure that it ends
 * (stop, remove) create the claim themselves with the text `abandoned`. If that succeeds, the run never
 * started and never will; if not, the wrapper was faster. All other callers treat such a run as created: a
 * wrapper whose daemon died is never told to continue, and ends without running anything. Creating a symbolic
 * link is atomic and includes its content, so there is no half-written claim.
 *
 * A claimed run whose daemon died during its set-up (spawn.ts) never ran anything. Its shell ends with a
 * special code, and the run is reset to its state after creation, so that the next start resumes it.
 * @module
 */
import { replaceFile } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import type { RunRef, RunSpec } from "../runner.ts";
import { type TrackedGroup, TRACKERS } from "./cgroup.ts";

/** The paths of a run's files. */
export interface RunFiles extends RunRef {
  /** `<instanceUid>-<run>`, and `+<step>` for a step of the run. */
  name: string;
  dir: string;
  signals: string;
}

/** The leader of a run's session. */
export interface Claim {
  pid: number;
  startTime: number;
  bootId: string;
}

/** How to find a run's processes: by a control group, by the run's own namespace, or only by the session. */
export type Tracking = TrackedGroup | { by: "namespace" } | { by: "session" };

/** Whether a control group contains the processes of a run. */
export function hasGroup(tracking: Tracking): tracking is TrackedGroup {
  return "group" in tracking;
}

/** How a run ended. */
export interface Outcome {
  exitCode?: number;
  finishedAt: string;
  oomKilled?: boolean;
  error?: string;
  killed?: true;
  leftBehind?: number;
}

/** A RunSpec as it is stored: only the variables' names of its secrets. */
export interface RecordedSpec extends Omit<RunSpec, "secretEnv"> {
  secretNames?: string[];
}

/** Removes from a spec what must not be stored. */
export function recordedSpec({ secretEnv, ...spec }: RunSpec): RecordedSpec {
  const secretNames = Object.keys(secretEnv ?? {});
  return secretNames.length === 0 ? spec : { ...spec, secretNames };
}

const NAME = /^([A-Za-z0-9][A-Za-z0-9.-]*)-(\d+)(?:\+([A-Za-z0-9][A-Za-z0-9.-]*))?$/;

/** The files of a run. @throws {RuneError} `invalid_argument` for a uid that cannot name a directory. */
export function runFiles(root: string, ref: RunRef): RunFiles {
  const { instanceUid, run, step } = ref;
  const name = step === undefined ? `${instanceUid}-${run}` : `${instanceUid}-${run}+${step}`;
  if (!NAME.test(name)) {
    throw new RuneError("invalid_argument", `"${name}" cannot name a run`, {
      hint: "an instance's uid is made of letters, digits, dots and hyphens, and its run is a whole number",
    });
  }
  const bare = { instanceUid, run, ...(step !== undefined && { step }) };
  return { ...bare, name, dir: `${root}/${name}`, signals: `${root}/signals/${name}` };
}

/** The run that a directory or signal is named after, or undefined. */
export function parseRunName(name: string): RunRef | undefined {
  const match = NAME.exec(name);
  if (!match) return undefined;
  return { instanceUid: match[1]!, run: Number(match[2]), ...(match[3] !== undefined && { step: match[3] }) };
}

/** The run to which these files belong. */
export function refOf({ instanceUid, run, step }: RunFiles): RunRef {
  return { instanceUid, run, ...(step !== undefined && { step }) };
}

/** Reads a text file; undefined if it does not exist. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Reads and parses a JSON file; undefined if it does not exist or cannot be read. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  const text = await readIfPresent(path);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Reads the spec of a run; undefined if the run does not exist. For a damaged file it returns an empty spec:
 * the processes can still be watched, stopped and removed, but the run cannot be started.
 */
export async function readSpec(files: RunFiles): Promise<RecordedSpec | undefined> {
  const path = `${files.dir}/spec.json`;
  const spec = await readJson<RecordedSpec>(path);
  if (spec !== undefined || await readIfPresent(path) === undefined) return spec;
  const ref = refOf(files);
  const nothing = { namespace: "", service: "", instance: files.name, generation: 0, specHash: "", env: {} };
  return { ...ref, ...nothing, mounts: [], aliases: [], publish: [] };
}

/** Reads the claim of a run: its owner, `abandoned`, or undefined if there is none yet. */
export async function readClaim(files: RunFiles): Promise<Claim & { at: Date } | "abandoned" | undefined> {
  const link = await readLinkIfPresent(`${files.dir}/claim`);
  if (link === undefined) return undefined;
  const match = /^(\d+) (\d+) (\S+)$/.exec(link.target);
  if (!match) return "abandoned";
  return { pid: Number(match[1]), startTime: Number(match[2]), bootId: match[3]!, at: link.at };
}

async function readLinkIfPresent(path: string): Promise<{ target: string; at: Date } | undefined> {
  try {
    return { target: await Deno.readLink(path), at: (await Deno.lstat(path)).mtime! };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Reads how to find the processes of a run; undefined if it was not started yet, or by a version that did not
 * record this.
 */
export async function readTracking(files: RunFiles): Promise<Tracking | undefined> {
  const [by, group = ""] = (await readLinkIfPresent(`${files.dir}/tracked`))?.target.split(" ") ?? [];
  const tracker = TRACKERS.find((name) => name === by);
  if (tracker !== undefined) return { by: tracker, group };
  return by === "session" || by === "namespace" ? { by } : undefined;
}

/**
 * Records how to find the processes of a run. The first record stays, because a wrapper that uses it may be
 * starting.
 */
export async function writeTracking(files: RunFiles, tracking: Tracking): Promise<Tracking> {
  const target = hasGroup(tracking) ? `${tracking.by} ${tracking.group}` : tracking.by;
  await linkOnce(`${files.dir}/tracked`, target);
  return await readTracking(files) ?? tracking;
}

/** Creates a link whose target is its content, unless there is one. */
async function linkOnce(path: string, target: string): Promise<void> {
  try {
    await Deno.symlink(target, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/** Prevents every wrapper from starting the run. Does nothing if the run is claimed. */
export async function abandon(files: RunFiles): Promise<void> {
  await linkOnce(`${files.dir}/claim`, "abandoned");
}

/** The recorded end of a run, or undefined. */
export async function readOutcome(files: RunFiles): Promise<Outcome | undefined> {
  return await readJson<Outcome>(`${files.dir}/ended.json`);
}

/** Exit codes of a set-up that no daemon finished: nobody answered, or nobody listened (SIGPIPE). */
const UNFINISHED = [125, 128 + 13];
/**
 * The message of setup.sh with the first of them. Only the set-up can write to that place.
 */
const NOBODY_FINISHED = "nobody finished the set-up";

/** Whether a claimed run without processes never ran anything, because its set-up was not finished. */
export async function isUnfinished(files: RunFiles, exit: { code: number } | undefined): Promise<boolean> {
  const hasSuchCode = exit !== undefined && UNFINISHED.includes(exit.code);
  if (hasSuchCode && (await readIfPresent(`${files.dir}/error`))?.trim() === NOBODY_FINISHED) return true;
  // A command may end with such a code too, but only after its mounts were made.
  if (await readMainPid(files) !== undefined) return false;
  // A claim without `starting` is left by an interrupted reset.
  return hasSuchCode || await readIfPresent(`${files.dir}/starting`) === undefined;
}

/**
 * Resets a run with an unfinished set-up to its state after creation. If it is interrupted, it can be
 * repeated.
 */
export async function resetRun(files: RunFiles): Promise<void> {
  await removeIfPresent(`${files.dir}/starting`);
  await removeIfPresent(`${files.dir}/error`);
  await removeSignals(files);
  await removeIfPresent(`${files.dir}/claim`);
}

/** Records the end of a run and clears its signals. */
export async function writeOutcome(files: RunFiles, outcome: Outcome): Promise<void> {
  await replaceFile(`${files.dir}/ended.json`, JSON.stringify(outcome));
  await removeSignals(files);
}

/** Removes a run's signals. Does nothing if there are none. */
export async function removeSignals(files: RunFiles): Promise<void> {
  for (const suffix of ["alive", "ready", "exit"]) {
    await removeIfPresent(`${files.signals}.${suffix}`);
  }
}

async function removeIfPresent(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** Reads the time and code of the main process's exit, as the wrapper recorded them. */
export async function readExit(files: RunFiles): Promise<{ code: number; at: Date } | undefined> {
  const link = await readLinkIfPresent(`${files.signals}.exit`);
  return link && { code: Number(link.target), at: link.at };
}

/** Reads the pid of the main process, once its mounts are made. */
export async function readMainPid(files: RunFiles): Promise<number | undefined> {
  return Number(await readIfPresent(`${files.signals}.ready`)) || undefined;
}
