/** Determines the state of a run from its records and its living processes. @module */
import type { RunSpec } from "../runner.ts";
import { pickTracker } from "./cgroup.ts";
import type { CgroupMounts } from "./cgroup_mounts.ts";
import { type Host, runMembers, trackingOf } from "./members.ts";
import { canMakeNamespaces } from "./namespace.ts";
import { type ProcessStat, readBootId } from "./proc.ts";
import {
  type Claim,
  isUnfinished,
  type Outcome,
  readClaim,
  readExit,
  readIfPresent,
  readMainPid,
  readOutcome,
  readSpec,
  type RunFiles,
  type Tracking,
} from "./records.ts";

/** The result of observing a run. `spec` is absent only if the run is. */
export type Observation =
  | { state: "absent" }
  | { state: "created"; spec: RunSpec }
  /** A daemon died between `starting` and the claim. A wrapper may still start. */
  | { state: "unclaimed"; spec: RunSpec }
  /** Its set-up was not finished and nothing of it ever ran. It must be reset. */
  | { state: "unfinished"; spec: RunSpec }
  /** It lives; `ending` if the main process has ended and others remain. */
  | {
    state: "running" | "ending";
    spec: RunSpec;
    leader: Claim & { at: Date };
    main?: number;
    /** All processes of the run that were found; see `Members`. */
    members: ProcessStat[];
    tracking: Tracking;
  }
  /** No process is left, and this is not recorded yet. */
  | { state: "gone"; spec: RunSpec; startedAt?: Date; outcome: Outcome }
  | { state: "ended"; spec: RunSpec; startedAt?: Date; outcome: Outcome };

/** The host, as seen now. */
export function observeHost(cgroups: CgroupMounts): Host {
  const tracks = pickTracker(cgroups) ?? (Deno.uid() !== 0 && canMakeNamespaces() ? "namespace" : "session");
  return { cgroups, bootId: readBootId(), tracks };
}

/** Looks at a run without changing anything. */
export async function observe(files: RunFiles, host: Host): Promise<Observation> {
  const found = await look(files, host);
  const lacks = ["created", "unclaimed", "unfinished", "gone"].includes(found.state);
  // If the run was removed during the observation, a missing file means nothing: all files disappear at once.
  return lacks && await readSpec(files) === undefined ? { state: "absent" } : found;
}

async function look(files: RunFiles, host: Host): Promise<Observation> {
  const spec = await readSpec(files);
  if (spec === undefined) return { state: "absent" };
  const claim = await readClaim(files);
  const startedAt = typeof claim === "object" ? claim.at : undefined;
  const recorded = await readOutcome(files);
  if (recorded) return { state: "ended", spec, startedAt, outcome: recorded };
  if (claim === undefined) {
    const starting = await readIfPresent(`${files.dir}/starting`);
    return { state: starting === undefined ? "created" : "unclaimed", spec };
  }
  if (claim === "abandoned") {
    const error = "the daemon stopped before the process was started";
    return { state: "gone", spec, outcome: { finishedAt: new Date().toISOString(), error } };
  }
  // Members are read first. If the exit were read first, a wrapper that ends in between would seem to have
  // left no code.
  const tracking = await trackingOf(files, host);
  const { alive, members } = runMembers(files, { claim, host, tracking });
  const exit = await readExit(files);
  if (alive) {
    const main = await readMainPid(files);
    return { state: exit ? "ending" : "running", spec, leader: claim, main, members, tracking };
  }
  if (await isUnfinished(files, exit)) return { state: "unfinished", spec };
  const outcome: Outcome = {
    finishedAt: (exit?.at ?? new Date()).toISOString(),
    ...(exit && { exitCode: exit.code }),
  };
  const error = (await readIfPresent(`${files.dir}/error`))?.trim();
  if (error) outcome.error = error;
  return { state: "gone", spec, startedAt, outcome };
}
