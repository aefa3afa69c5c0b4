/** `rune admin adopt-engine`: accepts another Docker Engine on an operator's word. @module */
import type { Command } from "@commander-js/extra-typings";
import type { Adoption } from "../../../model/api.ts";
import { addGlobalFlags, type Cli, formatExamples, openSession } from "../../client/command.ts";

/** Defines the command. */
export function defineAdoptEngine(group: Command, cli: Cli): void {
  const adopt = group.command("adopt-engine")
    .description("accept the Docker Engine behind the socket as this daemon's own")
    .option("--containers-are-gone", "confirm that every container on the former Engine is gone")
    .option("--take-over", "confirm that any other daemon with this id is gone for good");
  addGlobalFlags(adopt as unknown as Command);
  adopt.addHelpText(
    "after",
    "\nThe daemon manages no containers while it cannot prove that the Engine behind the socket is the one that its\n" +
      "containers are on; rune status says why. It believes what you say here: a container that still runs\n" +
      "elsewhere becomes a second writer of its volumes.\n" +
      formatExamples("rune admin adopt-engine --containers-are-gone", "rune admin adopt-engine --take-over"),
  );
  adopt.action(async ({ containersAreGone = false, takeOver = false }, self) => {
    const { terminal, client } = openSession(cli, self);
    const { changed, id, root } = await client.request<Adoption>("POST", "/v1/admin/adopt-engine", {
      body: { containersAreGone, takeOver },
    });
    const engine = `the Docker Engine ${id} with its data in ${root}`;
    terminal.out(
      changed ? `${engine} now belongs to this daemon\n` : `${engine} already belongs to this daemon\n`,
    );
  });
}
