/** `rune serve`: runs the daemon in the foreground. @module */
import type { ServeOptions } from "../../model/serve_options.ts";
import { Option } from "@commander-js/extra-typings";
import { type Define, examples } from "../client/command.ts";

/** See the module. */
export const define: Define = (command, cli) => {
  command
    .option("--config <file>", "runefile (default /etc/rune/runefile.yaml or .toml, when there is one)")
    .option("--data-dir <directory>", "where the state, the logs and local volumes live")
    .option("--http-addr <address>", "where the API listens (default 127.0.0.1:7861)")
    .option("--grpc-addr <address>", "a second address for the same API")
    .option("--dev-mode", "for a laptop: loopback only, data in ~/.rune, no root needed")
    .option("--node-name <name>", "name of this node (default: the host's)")
    .addOption(
      new Option("--log-level <level>", "how much is logged").choices(["debug", "info", "warn", "error"]),
    )
    .addOption(new Option("--log-format <format>", "form of the log").choices(["text", "json"]))
    .addHelpText(
      "after",
      "\nFlags override the runefile. Ctrl-C or SIGTERM stops the daemon; what it runs goes on.\n" +
        examples("rune serve --dev-mode", "rune serve --config /etc/rune/runefile.yaml"),
    )
    .action((options: ServeOptions) => cli.serve(options));
};
