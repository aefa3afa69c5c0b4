/** `rune volume`: list, get, create, delete, undelete, resize, detach, retry-provision, restore. @module */
import type { Command } from "@commander-js/extra-typings";
import { RuneError } from "../../model/error.ts";
import { KINDS } from "../../model/kinds.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Volume } from "../../model/volume.ts";
import { resourcePath } from "../client/api.ts";
import { type Cli, type Define, examples, openSession, type Session } from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { addVolumeFlags, workOnVolume } from "./volume_action.ts";
import { addRestoreFlags, type RestoreFlags, restoreVolume } from "./restore.ts";
import { defineDelete } from "./delete.ts";
import { defineListAndGet } from "./get.ts";
import { defineCreate } from "./volume_create.ts";
import { defineUndelete } from "./volume_undelete.ts";

/** Asks for an action on the volume of this name. */
const act = (action: string, name: string, body?: unknown) => ({ client, namespace }: Session) =>
  client.request<Volume>("POST", resourcePath({ kind: "volume", namespace, name }, "actions", action), {
    body,
  });

function defineDetach(group: Command, cli: Cli): void {
  const detach = group.command("detach").description("break the bind to an instance that is gone")
    .argument("<name>");
  addVolumeFlags(detach);
  detach.addHelpText(
    "after",
    "\nOnly a bind that nobody uses is broken: an instance that exists keeps its volume, and one that is gone loses it\n" +
      "when every runner has said that nothing of it runs. Rune does the same by itself every 30 seconds.\n" +
      examples("rune volume detach pgdata-postgres-1 -n prod"),
  );
  detach.action((name, flags, command) =>
    workOnVolume({ cli, command, flags }, {
      what: "detach",
      ask: act("detach", name),
      goal: () => ({ detached: true }),
      accepted: "is being detached",
      done: "is bound to nobody",
    })
  );
}

function defineRetry(group: Command, cli: Cli): void {
  const retry = group.command("retry-provision").description(
    "try to provision a stalled volume again, or take the disk that is there",
  )
    .argument("<name>");
  addVolumeFlags(retry);
  retry.addHelpText(
    "after",
    "\nCorrect the cause first (allowlist, token, capacity); rune describe volume shows it. Of a volume that waits for its\n" +
      "disk it takes the filesystem that is there now for the right one, with the data that it has.\n" +
      examples("rune volume retry-provision pgdata-postgres-1 -n prod"),
  );
  retry.action((name, flags, command) =>
    workOnVolume({ cli, command, flags }, {
      what: "provisioning",
      ask: act("retry-provision", name),
      goal: ({ annotations }) => ({ retriedAt: annotations[ANNOTATIONS.retryRequestedAt] }),
      accepted: "is tried again",
    })
  );
}

/** A size in bytes. @throws {UsageError} when it is none. */
async function sizeFlag(text: string): Promise<number> {
  // Loaded here: a client that only reads starts without schemas.
  const { parseBytes } = await import("../../model/quantity.ts");
  try {
    return parseBytes(text);
  } catch (error) {
    if (error instanceof RuneError) throw new UsageError(error.message, error.hint);
    throw error;
  }
}

function defineResize(group: Command, cli: Cli): void {
  const resize = group.command("resize").description("make a volume larger").argument("<name>")
    .argument("<size>", "10Gi, 500Mi, 1G; a bare integer is bytes");
  addVolumeFlags(resize);
  resize.addHelpText(
    "after",
    "\nThe same as casting the volume with a larger size; write that into its castfile too. Volumes never shrink. Where\n" +
      "the driver grows them only while nobody mounts them, the command waits until that is so.\n" +
      examples("rune volume resize web-data 20Gi"),
  );
  resize.action(async (name, size, flags, command) => {
    const sizeBytes = await sizeFlag(size);
    await workOnVolume({ cli, command, flags }, {
      what: "resize",
      ask: act("resize", name, { size }),
      goal: () => ({ sizeBytes }),
      accepted: `grows to ${size}`,
      done: `has ${size}`,
    });
  });
}

function defineRestore(group: Command, cli: Cli): void {
  const restore = group.command("restore").description("make a new volume from a snapshot").argument("<name>")
    .requiredOption("--from-snapshot <name>", "the snapshot");
  addRestoreFlags(restore);
  restore.addHelpText(
    "after",
    "\nThe data is there when the volume is Available; the snapshot stays.\n" +
      examples("rune volume restore pgdata-restored --from-snapshot before-upgrade -n prod"),
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
  defineDetach(group, cli);
  defineRetry(group, cli);
  defineRestore(group, cli);
};
