/** `rune snapshot`: create, list, get, delete, restore. @module */
import type { Command } from "@commander-js/extra-typings";
import { formatBytes } from "../../model/format.ts";
import { KINDS } from "../../model/kinds.ts";
import { snapshotName } from "../../model/snapshot_name.ts";
import { createResource, getResource } from "../client/api.ts";
import { addGlobalFlags, type Cli, type Define, formatExamples, openSession } from "../client/command.ts";
import { addRestoreFlags, type RestoreFlags, restoreVolume } from "./restore.ts";
import { addWaitFlags, durationFlag, type WaitFlags, waitFor } from "../waiting/wait_flags.ts";
import { defineDelete } from "./delete.ts";
import { defineListAndGet } from "./get.ts";

function defineCreate(group: Command, cli: Cli): void {
  const create = group.command("create").description("take a snapshot of a volume").argument("<volume>")
    .option("--name <name>", "the snapshot's name (default: <volume>-snap-<unix time>)")
    .option("--pause", "pause the volume's writers during the copy (the default)")
    .option("--no-pause", "copy without pausing: files may be inconsistent with each other");
  addWaitFlags(create);
  addGlobalFlags(create);
  create.addHelpText(
    "after",
    "\nThe copy keeps owners, modes, times, attributes, links and holes. On filesystems that share blocks (xfs, btrfs) it\n" +
      "is fast whatever the size. Writers are paused until the volume is read, and always resumed.\n" +
      "Ctrl-C only ends the waiting.\n" +
      formatExamples(
        "rune snapshot create pgdata-postgres-0 --name before-upgrade -n prod",
        "rune snapshot create web-data --no-pause --no-wait",
      ),
  );
  create.action(async (volume, options, self) => {
    const session = openSession(cli, self);
    const { terminal, client, namespace } = session;
    const { wait, timeout, pause } = options as unknown as WaitFlags & { pause: boolean };
    const timeoutMs = durationFlag(timeout);
    const name = options.name ?? snapshotName(volume, { infix: "snap", unix: Math.floor(Date.now() / 1000) });
    const body = { name, source: { volume }, ...(!pause && { pause }) };
    const exists = "a snapshot cannot be replaced; choose another --name, or delete it first";
    const made = await createResource(client, { kind: "snapshot", namespace }, { body, exists });
    const title = `snapshot ${namespace}/${name}`;
    if (!wait) return terminal.out(`${title} is being taken\n`);
    const key = { kind: "snapshot", namespace, name } as const;
    await waitFor(session, [{ ...key, generation: made.generation }], { what: "snapshot", timeoutMs });
    const { status } = await getResource(client, key);
    terminal.out(`${title} Ready, ${formatBytes(status.sizeBytes ?? 0)}\n`);
  });
}

function defineRestore(group: Command, cli: Cli): void {
  const restore = group.command("restore").description("create a volume from a snapshot")
    .argument("<snapshot>").argument("<volume>", "the new volume's name");
  addRestoreFlags(restore);
  restore.addHelpText(
    "after",
    "\nThe same as: rune volume restore <volume> --from-snapshot <snapshot>\n" +
      formatExamples("rune snapshot restore before-upgrade pgdata-restored -n prod"),
  );
  restore.action((snapshot, volume, flags, self) =>
    restoreVolume(openSession(cli, self), { volume, snapshot, flags: flags as unknown as RestoreFlags })
  );
}

/** See the module. */
export const define: Define = (group, cli) => {
  defineListAndGet(group, cli, KINDS.snapshot);
  defineCreate(group, cli);
  defineDelete(group, cli, KINDS.snapshot);
  defineRestore(group, cli);
};
