/** `rune volume` and its subcommands. @module */
import type { Command } from "@commander-js/extra-typings";
import { RuneError } from "../../model/error.ts";
import { KINDS } from "../../model/kinds.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Volume } from "../../model/volume.ts";
import { resourcePath } from "../client/api.ts";
import { type Cli, type Define, formatExamples, openSession, type Session } from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { addVolumeFlags, workOnVolume } from "./volume_action.ts";
import { addRestoreFlags, type RestoreFlags, restoreVolume } from "./restore.ts";
import { defineDelete } from "./delete.ts";
import { defineListAndGet } from "./get.ts";
import { defineCreate } from "./volume_create.ts";
import { defineOrphans } from "./volume_orphans.ts";
import { defineUndelete } from "./volume_undelete.ts";

/** Requests an action on a volume. */
const requestAction = (action: string, name: string, body?: unknown) => ({ client, namespace }: Session) =>
  client.request<Volume>("POST", resourcePath({ kind: "volume", namespace, name }, "actions", action), {
    body,
  });

function defineDetach(group: Command, cli: Cli): void {
  const detach = group.command("detach").description("release a volume from an instance that is gone")
    .argument("<name>");
  addVolumeFlags(detach);
  detach.addHelpText(
    "after",
    "\nAn instance that exists keeps its volume. One that is gone loses it as soon as every runner has confirmed that\n" +
      "nothing of it runs. Rune checks this itself every 30 seconds.\n" +
      formatExamples("rune volume detach pgdata-postgres-1 -n prod"),
  );
  detach.action((name, flags, command) =>
    workOnVolume({ cli, command, flags }, {
      what: "detach",
      ask: requestAction("detach", name),
      goal: () => ({ detached: true }),
      accepted: "is being detached",
      done: "is bound to nobody",
    })
  );
}

function defineRetry(group: Command, cli: Cli): void {
  const retry = group.command("retry-provision").description(
    "provision a stalled volume again, or accept the disk that is present",
  )
    .argument("<name>");
  addVolumeFlags(retry);
  retry.addHelpText(
    "after",
    "\nFix the cause first (allowlist, token, capacity); rune describe volume shows it. For a volume that waits for its\n" +
      "disk, this accepts the filesystem that is present now, with its data.\n" +
      formatExamples("rune volume retry-provision pgdata-postgres-1 -n prod"),
  );
  retry.action((name, flags, command) =>
    workOnVolume({ cli, command, flags }, {
      what: "provisioning",
      ask: requestAction("retry-provision", name),
      goal: ({ annotations }) => ({ retriedAt: annotations[ANNOTATIONS.retryRequestedAt] }),
      accepted: "is being retried",
    })
  );
}

/** Parses a size in bytes. @throws {UsageError} if it is not one. */
async function sizeFlag(text: string): Promise<number> {
  // Loaded here, so that read-only clients start without schemas.
  const { parseBytes } = await import("../../model/quantity.ts");
  try {
    return parseBytes(text);
  } catch (error) {
    if (error instanceof RuneError) throw new UsageError(error.message, error.hint);
    throw error;
  }
}

function defineResize(group: Command, cli: Cli): void {
  const resize = group.command("resize").description("grow a volume").argument("<name>")
    .argument("<size>", "10Gi, 500Mi, 1G; a bare integer is bytes");
  addVolumeFlags(resize);
  resize.addHelpText(
    "after",
    "\nThe same as casting the volume with a larger size; update its castfile too. Volumes never shrink. If\n" +
      "the driver can only grow unmounted volumes, the command waits until nobody mounts it.\n" +
      formatExamples("rune volume resize web-data 20Gi"),
  );
  resize.action(async (name, size, flags, command) => {
    const sizeBytes = await sizeFlag(size);
    await workOnVolume({ cli, command, flags }, {
      what: "resize",
      ask: requestAction("resize", name, { size }),
      goal: () => ({ sizeBytes }),
      accepted: `grows to ${size}`,
      done: `has ${size}`,
    });
  });
}

function defineRestore(group: Command, cli: Cli): void {
  const restore = group.command("restore").description("create a volume from a snapshot").argument("<name>")
    .requiredOption("--from-snapshot <name>", "the snapshot");
  addRestoreFlags(restore);
  restore.addHelpText(
    "after",
    "\nThe data is complete when the volume is Available. The snapshot stays.\n" +
      formatExamples("rune volume restore pgdata-restored --from-snapshot before-upgrade -n prod"),
  );
  restore.action((volume, flags, self) => {
    const { fromSnapshot: snapshot, ...rest } = flags as unknown as RestoreFlags & { fromSnapshot: string };
    return restoreVolume(openSession(cli, self), { volume, snapshot, flags: rest });
  });
}

/** See the module. */
export const define: Define = (group, cli) => {
  defineListAndGet(group, cli, KINDS.volume);
  defineCreate(group, cli);
  defineResize(group, cli);
  defineDelete(group, cli, KINDS.volume);
  defineUndelete(group, cli);
  defineOrphans(group, cli);
  defineDetach(group, cli);
  defineRetry(group, cli);
  defineRestore(group, cli);
};
