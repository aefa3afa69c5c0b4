/** Restores a snapshot into a new volume, for `rune volume restore` and `rune snapshot restore`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { RuneError } from "../../model/error.ts";
import { describeKey, KINDS } from "../../model/kinds.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Volume } from "../../model/volume.ts";
import { createResource, findResource } from "../client/api.ts";
import { addGlobalFlags, type Session } from "../client/command.ts";
import { notFound } from "./get.ts";
import { addWaitFlags, durationFlag, type WaitFlags, waitFor } from "../waiting/wait_flags.ts";

/** The flags of both commands. */
export interface RestoreFlags extends WaitFlags {
  snapshotNamespace?: string;
  storageClass?: string;
  size?: string;
}

/** Adds these flags. */
export function addRestoreFlags(command: CommandUnknownOpts): void {
  command
    .option("--snapshot-namespace <name>", "where the snapshot is (default: the new volume's namespace)")
    .option("--storage-class <name>", "class of the new volume (default: that of the original volume)")
    .option("--size <size>", "size of the new volume (default: that of the original volume)");
  addWaitFlags(command);
  addGlobalFlags(command);
}

/**
 * Creates a volume with the data of a snapshot.
 *
 * @throws {RuneError} `not_found` if there is no such snapshot; `already_exists`; as `waitFor` does.
 */
export async function restoreVolume(
  session: Session,
  request: { volume: string; snapshot: string; flags: RestoreFlags },
): Promise<void> {
  const { client, terminal, namespace } = session;
  const { volume: name, flags } = request;
  const timeoutMs = durationFlag(flags.timeout);
  const source = { snapshot: request.snapshot, namespace: flags.snapshotNamespace ?? namespace };
  const key = { kind: "snapshot", namespace: source.namespace, name: source.snapshot } as const;
  const snapshot = await findResource(client, key);
  if (!snapshot) throw notFound(KINDS.snapshot, key);
  const { origin } = snapshot.status;
  if (!origin) {
    throw new RuneError("failed_precondition", `snapshot ${key.namespace}/${key.name} is not ready yet`, {
      hint: `wait until it is Ready: rune get snapshot ${key.name} -n ${key.namespace} --watch`,
    });
  }
  const storageClassName = flags.storageClass ?? await classOf(session, origin.storageClassName);
  const body = {
    name,
    size: flags.size ?? origin.size,
    accessMode: origin.accessMode,
    ...(storageClassName !== undefined && { storageClassName }),
    ...keptPolicies(origin, storageClassName),
    source,
  };
  const exists = "a snapshot is restored into a new volume; choose another name";
  const made = await createResource(client, { kind: "volume", namespace }, { body, exists });
  const title = `volume ${namespace}/${name}`;
  if (!flags.wait) return terminal.out(`${title} is being restored\n`);
  const goal = { kind: "volume", namespace, name, generation: made.generation } as const;
  const [settled] = await waitFor(session, [goal], { what: "restore", timeoutMs });
  terminal.out(`${title} ${settled!.verdict.text}, restored from ${key.namespace}/${key.name}\n`);
  const former = { namespace: key.namespace, name: snapshot.spec.source.volume };
  for (const line of describeRestored(made, { origin, former })) terminal.err(`${line}\n`);
}

type Origin = NonNullable<Snapshot["status"]["origin"]>;

/** The policies of the original volume that the class of the new one does not already apply. */
function keptPolicies(origin: Origin, storageClassName: string | undefined) {
  if (storageClassName !== origin.storageClassName) return {};
  const { reclaimPolicy, snapshotPolicy } = origin;
  return {
    ...(reclaimPolicy !== undefined && { reclaimPolicy }),
    ...(snapshotPolicy !== undefined && { snapshotPolicy }),
  };
}

/** Sentences on what the restored volume has in common with the original, and what not. */
function describeRestored(
  { namespace, name, spec, status }: Volume,
  { origin, former }: { origin: Origin; former: { namespace: string; name: string } },
): string[] {
  const lines: string[] = [];
  const { snapshotPolicy: policy } = spec;
  if (policy !== undefined && policy !== "none") {
    lines.push(`it keeps the snapshot policy: every ${policy.every}, keep ${policy.keep}`);
  }
  if (origin.snapshotPolicy !== undefined && policy === undefined) {
    lines.push("its class differs, so it does not have the original's snapshot policy");
  }
  if (status.ownerService !== undefined) {
    lines.push(
      `it belongs to service ${status.ownerService} again: the template's snapshot policy applies, and it is deleted by ` +
        "rune service delete --cascade",
    );
  } else if (origin.ownerService !== undefined) {
    lines.push(
      `it is not one of service ${origin.ownerService}, as ${
        describeKey(former)
      } is: neither its template's snapshot ` +
        `policy nor --cascade reaches it; restored as ${former.name} in its place it would be`,
    );
  }
  const claimed = name === former.name && namespace === former.namespace;
  if (!claimed && status.ownerService === undefined && origin.ownerService === undefined) {
    lines.push(`to use it, stop the service, write claim: { name: ${name} } into its mount, and cast`);
  }
  return lines;
}

/** The original's class if it still exists; else the default applies. */
async function classOf({ client }: Session, name: string | undefined): Promise<string | undefined> {
  if (name === undefined) return undefined;
  return (await findResource(client, { kind: "storageClass", namespace: "", name }))?.name;
}
