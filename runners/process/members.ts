/**
 * Finds the processes of a run, and signals them. It reports that none is left only if that is certain.
 *
 * - By control group, if the daemon may create some. Only root can leave one. It includes groups below it.
 * - By namespace, if the daemon is an ordinary user and the host allows it (namespace.ts). None can leave it.
 * - By session elsewhere. A process can leave it, so such a run is never given a volume to write
 *   (server/admission/host.ts).
 *
 * The pid and the start time identify a process. The pid alone may belong to another process by the time it
 * is used.
 * @module
 */
import { existsSync } from "node:fs";
import { groupMembers, killGroup, type TrackedGroup } from "./cgroup.ts";
import type { CgroupMounts } from "./cgroup_mounts.ts";
import { namespaceMembers } from "./namespace.ts";
import {
  type ProcessIdentity,
  type ProcessStat,
  readProcess,
  readSame,
  sendSignal,
  sessionMembers,
  signalSame,
} from "./proc.ts";
import { type Claim, readTracking, type RunFiles, type Tracking } from "./records.ts";

/** The processes of a run. */
export interface Members {
  /** False only if certainly none is left. */
  alive: boolean;
  /**
   * Those that were found. May be empty while the run lives: between two processes, or when one cannot be
   * listed.
   */
  members: ProcessStat[];
}

/** The host since its last boot. */
export interface Host {
  cgroups: CgroupMounts;
  bootId: string;
  /** How to find the processes of a run that is started now. */
  tracks: Tracking["by"];
}

/** The leader and the processes of a run that gets a signal. */
export interface Addressees {
  leader: ProcessIdentity;
  members: ProcessIdentity[];
  tracking: Tracking;
}

/**
 * Finds out how to find the processes of a run. An earlier version recorded nothing, so this returns what it
 * would have used.
 */
export async function trackingOf(files: RunFiles, { cgroups }: Host): Promise<Tracking> {
  const written = await readTracking(files);
  if (written !== undefined) return written;
  const earlier: TrackedGroup = { by: "unified", group: files.name };
  const there = cgroups.unified !== undefined && existsSync(`${cgroups.unified}/rune/${earlier.group}`);
  return there ? earlier : { by: "session" };
}

/**
 * Finds the processes of a claimed run.
 *
 * @throws {RuneError} `unavailable` if this daemon cannot see the group that contains them.
 */
export function runMembers(
  files: RunFiles,
  { claim, host, tracking }: { claim: Claim; host: Host; tracking: Tracking },
): Members {
  if (claim.bootId !== host.bootId) return { alive: false, members: [] };
  const leader = readSame(claim);
  if (tracking.by === "session") {
    const members = leader ? sessionMembers(claim.pid) : orphans(files, claim);
    return { alive: members.length > 0, members };
  }
  if (tracking.by === "namespace") {
    return { alive: leader !== undefined, members: leader ? namespaceMembers(leader) : [] };
  }
  const { populated, members } = groupMembers(host.cgroups, tracking);
  // The leader claims its run before it joins the group.
  const apart = leader !== undefined && !members.some(({ pid }) => pid === leader.pid);
  return { alive: populated || apart, members: apart ? [leader, ...members] : members };
}

/**
 * Finds the remaining processes of a session whose leader has ended. The session's number alone proves
 * nothing, because a later session of the same user may have it. Only a process that still has one of the
 * run's own files open belongs to the run.
 */
function orphans(files: RunFiles, claim: Claim): ProcessStat[] {
  // The kernel does not reuse a pid that still names a session.
  if (readProcess(claim.pid) !== undefined) return [];
  return sessionMembers(claim.pid).filter((stat) =>
    stat.startTime >= claim.startTime && [1, 2].some((fd) => isWithin(`/proc/${stat.pid}/fd/${fd}`, files))
  );
}

function isWithin(link: string, { dir }: RunFiles): boolean {
  try {
    return Deno.readLinkSync(link).startsWith(`${dir}/`);
  } catch {
    return false;
  }
}

/** Sends a signal to every process of a run, and to no other, even if a pid was reused since it was read. */
export function signalMembers(host: Host, run: Addressees, signal: Deno.Signal): void {
  const { tracking } = run;
  if (signal !== "SIGKILL" || tracking.by === "session") return signalEach(run, signal);
  // The kernel ends the others with it.
  if (tracking.by === "namespace") return signalSame(run.leader, signal);
  killGroup(host.cgroups, tracking, () => {
    signalEach({ ...run, members: groupMembers(host.cgroups, tracking).members }, signal);
  });
  signalSame(run.leader, signal);
}

/** To the leader's process group as one, and to those that left it one by one. */
function signalEach({ leader, members }: Pick<Addressees, "leader" | "members">, signal: Deno.Signal): void {
  const living = members.map((member) => readSame(member)).filter((stat) => stat !== undefined);
  // A group lives as long as one of its processes, and only this session's can be in it.
  if (living.some(({ group }) => group === leader.pid)) sendSignal(-leader.pid, signal);
  for (const member of living) if (member.group !== leader.pid) signalSame(member, signal);
}
