/** `rune volume`: list, get, delete, detach, retry-provision, restore. @module */
import type { Command } from "@commander-js/extra-typings";
import { KINDS } from "../../spec/kinds.ts";
import { ANNOTATIONS } from "../../spec/marks.ts";
import { getResource, resourcePath } from "../api.ts";
import { addGlobalFlags, type Cli, type Define, examples, openSession } from "../command.ts";
import { addRestoreFlags, type RestoreFlags, restoreVolume } from "../restore.ts";
import { addWaitFlags, durationFlag, type WaitFlags, waitFor } from "../wait_flags.ts";
import { defineDelete } from "./delete.ts";
import { defineListAndGet } from "./get.ts";

function defineDetach(group: Command, cli: Cli): void {
  const detach = group.command("detach").description("break the bind to an instance that is gone")
    .argument("<name>");
  addGlobalFlags(detach);
  detach.addHelpText(
    "after",
    "\nOnly a bind that nobody uses is broken: an instance that runs keeps its volume.\n" +
      examples("rune volume detach pgdata-postgres-1 -n prod"),
  );
  detach.action(async (name, _, self) => {
    const { terminal, client, namespace } = openSession(cli, self);
    const key = { kind: "volume", namespace, name } as const;
    await client.request("POST", resourcePath(key, "actions", "detach"));
    terminal.out(`volume ${namespace}/${name} is being detached\n`);
  });
}

function defineRetry(group: Command, cli: Cli): void {
  const retry = group.command("retry-provision").description("try to provision a stalled volume again")
    .argument("<name>");
  addWaitFlags(retry);
  addGlobalFlags(retry);
  retry.addHelpText(
    "after",
    "\nCorrect the cause first (allowlist, token, capacity); rune describe volume shows it.\n" +
      examples("rune volume retry-provision pgdata-postgres-1 -n prod"),
  );
  retry.action(async (name, flags, self) => {
    const session = openSession(cli, self);
    const { wait, timeout } = flags as unknown as WaitFlags;
    const timeoutMs = durationFlag(timeout);
    const key = { kind: "volume", namespace: session.namespace, name } as const;
    await session.client.request("POST", resourcePath(key, "actions", "retry-provision"));
    const title = `volume ${session.namespace}/${name}`;
    if (!wait) return session.terminal.out(`${title} is tried again\n`);
    const { generation, annotations } = await getResource(session.client, key);
    const goal = { ...key, generation, retriedAt: annotations[ANNOTATIONS.retryRequestedAt] };
    const [settled] = await waitFor(session, [goal], { what: "provisioning", timeoutMs });
    session.terminal.out(`${title} ${settled!.verdict.text}\n`);
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
  defineDelete(group, cli, KINDS.volume);
  defineDetach(group, cli);
  defineRetry(group, cli);
  defineRestore(group, cli);
};
