/** `rune serve`: runs the daemon in the foreground. @module */
import type { ServeOptions } from "../../model/serve_options.ts";
import { Option } from "@commander-js/extra-typings";
import { type Define, formatExamples } from "../client/command.ts";

/** See the module. */
export const define: Define = (command, cli) => {
  command
    .option("--config <file>", "runefile (default: /etc/rune/runefile.yaml or .toml, if it exists)")
    .option("--data-dir <directory>", "directory for the state, logs and local volumes")
    .option("--http-addr <address>", "where the API listens (default 127.0.0.1:7861)")
    .option("--grpc-addr <address>", "a second address for the same API")
    .option("--dev-mode", "for a laptop: loopback only, data in ~/.rune, no root needed")
    .option("--node-name <name>", "name of this node (default: the host's)")
    .addOption(
      new Option("--log-level <level>", "log level").choices(["debug", "info", "warn", "error"]),
    )
    .addOption(new Option("--log-format <format>", "log format").choices(["text", "json"]))
    .addHelpText(
      "after",
      "\nFlags override the runefile. Ctrl-C or SIGTERM stops the daemon; services keep running.\n" +
        formatExamples("rune serve --dev-mode", "rune serve --config /etc/rune/runefile.yaml"),
    )
    .action((options: ServeOptions) => cli.serve(options));
};
