/** `rune admin adopt-engine`: ends the wait for another Docker Engine by a person's word. @module */
import type { Command } from "@commander-js/extra-typings";
import type { Adoption } from "../../../model/api.ts";
import { addGlobalFlags, type Cli, examples, openSession } from "../../client/command.ts";

/** Defines it. */
export function defineAdoptEngine(group: Command, cli: Cli): void {
  const adopt = group.command("adopt-engine")
    .description("take the Docker Engine that answers for the one that this daemon's containers are on")
    .option("--containers-are-gone", "every container that this daemon started on its former Engine is gone")
    .option("--take-over", "whoever else holds this daemon's id is gone, and will not come back");
  addGlobalFlags(adopt as unknown as Command);
  adopt.addHelpText(
    "after",
    "\nThe daemon manages no containers while it cannot prove that the Engine behind the socket is the one that its\n" +
      "containers are on; rune status says why. It believes what you say here: a container that still runs\n" +
      "elsewhere becomes a second writer of its volumes.\n" +
      examples("rune admin adopt-engine --containers-are-gone", "rune admin adopt-engine --take-over"),
  );
  adopt.action(async ({ containersAreGone = false, takeOver = false }, self) => {
    const { terminal, client } = openSession(cli, self);
    const { changed, id, root } = await client.request<Adoption>("POST", "/v1/admin/adopt-engine", {
      body: { containersAreGone, takeOver },
    });
    const engine = `the Docker Engine ${id} with its data in ${root}`;
    terminal.out(changed ? `${engine} is this daemon's now\n` : `${engine} is this daemon's already\n`);
  });
}
