/** `rune cast`: applies castfiles and waits until what they declare runs. @module */
import { oneLine } from "../../base/plain_text.ts";
import type { CastRequest, CastResponse, CastResult } from "../../model/api.ts";
import { externalAddress, isOpen } from "../../model/exposing.ts";
import { describeKey } from "../../model/kinds.ts";
import { listResources } from "../client/api.ts";
import { type CastSet, loadCastfiles, locateIssues } from "../files/castfiles.ts";
import { addGlobalFlags, type Define, formatExamples, openSession, type Session } from "../client/command.ts";
import { changeLines, titleOf } from "../describe/field_changes.ts";
import { imageNotes } from "../describe/image_notes.ts";
import { type Settled } from "../waiting/settle.ts";
import type { Goal } from "../waiting/goal.ts";
import { addWaitFlags, durationFlag, waitFor } from "../waiting/wait_flags.ts";
import { describePlace } from "../../model/volume_place.ts";

/** The daemon may need this long to write a large set, in milliseconds. */
const CAST_TIMEOUT_MS = 120_000;

/**
 * Sends a set to the daemon.
 *
 * @throws {RuneError} the daemon's refusal, its issues with their positions in the castfiles.
 */
export async function sendCast(
  session: Session,
  set: CastSet,
  options: { dryRun?: boolean; force?: boolean },
): Promise<CastResponse> {
  const resources = set.resources.map(({ declared, body }) => ({ kind: declared.kind, body }));
  const body: CastRequest = { resources, dryRun: options.dryRun ?? false, force: options.force ?? false };
  try {
    return await session.client.request("POST", "/v1/cast", { body, timeoutMs: CAST_TIMEOUT_MS });
  } catch (error) {
    throw locateIssues(error, set, { applies: !body.dryRun });
  }
}

/** Prints what a cast would change. @returns whether it would change anything. */
export function printChanges(session: Session, set: CastSet, results: CastResult[]): boolean {
  const bodies = new Map(set.resources.map(({ declared, body }) => [titleOf(declared), body]));
  const lines = results.flatMap((result) =>
    changeLines(result, { paint: session.paint, body: bodies.get(titleOf(result)) })
  );
  for (const line of lines) session.terminal.out(oneLine(line) + "\n");
  return lines.length > 0;
}

/** What to wait for: services, volumes and snapshots, including unchanged ones. */
function goalsOf(results: CastResult[]): Goal[] {
  return results.flatMap(({ kind, namespace, name, generation }) =>
    kind === "service" || kind === "volume" || kind === "snapshot"
      ? [{ kind, namespace, name, generation }]
      : []
  );
}

function printSummary(session: Session, results: CastResult[], settled: Settled[]): void {
  const ends = new Map(
    settled.map(({ goal, verdict }) => [`${goal.kind} ${describeKey(goal)}`, verdict.text]),
  );
  for (const result of results) {
    const end = ends.get(titleOf(result));
    const action = session.paint(result.action === "unchanged" ? "dim" : "green", result.action);
    session.terminal.out(`${titleOf(result)} ${action}${end === undefined ? "" : ` (${oneLine(end)})`}\n`);
  }
}

/** Names volumes of claim templates that kept existing data. Other volumes report it themselves. */
async function printAdoptedVolumes({ client, terminal }: Session, results: CastResult[]): Promise<void> {
  const services = new Set(
    results.filter((r) => r.kind === "service" && r.action !== "unchanged").map(describeKey),
  );
  for (const namespace of new Set(results.filter((r) => r.kind === "service").map((r) => r.namespace))) {
    for (const volume of await listResources(client, "volume", { namespace })) {
      const { adopted, ownerService } = volume.status;
      if (!adopted || !services.has(describeKey({ namespace, name: ownerService ?? "" }))) continue;
      terminal.out(`volume ${describeKey(volume)} keeps the data found in ${describePlace(volume.status)}\n`);
    }
  }
}

/** Warns of ports that are published on all addresses of the machine, past its firewall, as Docker does. */
async function printOpenPorts({ client, terminal }: Session, results: CastResult[]): Promise<void> {
  const changed = new Set(
    results.filter((r) => r.kind === "service" && r.action !== "unchanged").map(describeKey),
  );
  for (const namespace of new Set(results.filter((r) => r.kind === "service").map((r) => r.namespace))) {
    for (const service of await listResources(client, "service", { namespace })) {
      if (!changed.has(describeKey(service)) || !isOpen(service)) continue;
      const where = externalAddress(service, "")!;
      terminal.out(
        `service ${
          describeKey(service)
        } is published on all addresses of the machine, past its firewall: ${where}; ` +
          "expose.hostAddress narrows it\n",
      );
    }
  }
}

/** Notes what the images of the services declare. */
async function printImageNotes({ client, terminal, paint }: Session, results: CastResult[]): Promise<void> {
  const services = results.filter((r) => r.kind === "service" && r.action !== "unchanged");
  for (const namespace of new Set(services.map((service) => service.namespace))) {
    const instances = await listResources(client, "instance", { namespace });
    for (const service of services.filter((s) => s.namespace === namespace)) {
      const own = instances.filter(({ spec }) => spec.service === service.name);
      for (const note of imageNotes(own, service.name)) {
        terminal.out(`${paint("yellow", "warning")} service ${describeKey(service)}: ${oneLine(note)}\n`);
      }
    }
  }
}

/** See the module. */
export const define: Define = (command, cli) => {
  const cast = command
    .argument("<sources...>", "files, directories, patterns, - for standard input, https:// addresses")
    .option("-r, --recursive", "descend into directories")
    .option("--dry-run", "only print what would change, field by field")
    .option("--force", "replace the instances of services even if nothing changed")
    .option("--detach", "the same as --no-wait");
  addWaitFlags(cast);
  addGlobalFlags(cast);
  cast.addHelpText(
    "after",
    "\nRune checks all sources first; one mistake means that nothing is applied. Then the command waits until\n" +
      "every service is Running or Completed, every volume Available or Bound, and every snapshot Ready. Ctrl-C\n" +
      "ends only the waiting.\n" +
      "\nExit codes: 0 all is well, 1 something ended Failed, 5 another cast came in between, 6 a castfile is not\n" +
      "valid, 7 the time ran out.\n" +
      formatExamples(
        "rune cast web.yaml",
        "rune cast -r apps/ -n prod",
        "rune cast 'apps/*.yaml' --dry-run",
        "cat web.yaml | rune cast -",
        "rune cast web.yaml --no-wait",
      ),
  );
  cast.action(async (sources, options, self) => {
    const session = openSession(cli, self);
    const { wait, timeout } = options as unknown as { wait: boolean; timeout: string };
    const timeoutMs = durationFlag(timeout);
    const set = await loadCastfiles(sources, {
      namespace: session.namespace,
      recursive: options.recursive ?? false,
      stdin: session.terminal.stdin,
      applies: !options.dryRun,
    });
    const warn = (warnings: string[]) => {
      for (const warning of warnings) {
        session.terminal.err(`${session.paintErr("yellow", "warning")} ${oneLine(warning)}\n`);
      }
    };
    warn(set.warnings);
    const { results, revision, warnings = [] } = await sendCast(session, set, {
      dryRun: options.dryRun,
      force: options.force,
    });
    warn(warnings);
    if (options.dryRun) {
      if (!printChanges(session, set, results)) session.terminal.err("nothing would change\n");
      return;
    }
    const goals = wait && !options.detach ? goalsOf(results) : [];
    let settled: Settled[] = [];
    try {
      settled = await waitFor(session, goals, { what: "cast", timeoutMs, since: revision });
    } finally {
      printSummary(session, results, settled);
      if (goals.length > 0) await printImageNotes(session, results).catch(() => {});
    }
    if (goals.length > 0) {
      await printAdoptedVolumes(session, results);
      await printOpenPorts(session, results);
    }
  });
};
