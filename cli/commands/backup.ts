/** `rune admin backup` and `rune admin restore`. @module */
import type { Command } from "@commander-js/extra-typings";
import { replaceFile } from "../../base/durable.ts";
import type { BackupRequest } from "../../model/api.ts";
import { RuneError } from "../../model/error.ts";
import { formatBytes } from "../../model/format.ts";
import { askLine } from "../terminal/ask.ts";
import { addGlobalFlags, type Cli, formatExamples, openSession } from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { withInterrupt } from "../terminal/interrupt.ts";
import { renderJson, renderYaml } from "../terminal/output.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Adds `backup` to the group `admin`. */
export function defineBackup(group: Command, cli: Cli): void {
  const backup = group.command("backup").description("write a backup of the running daemon")
    .requiredOption("--out <file>", "where to write it; - for standard output")
    .option("--with-kek", "include the key that encrypts the secrets")
    .option("--with-volumes <volumes...>", "include the data of these volumes, <namespace>/<name>")
    .option("--no-snapshots", "copy the files of volumes in place, without pausing their writers");
  addGlobalFlags(backup);
  backup.addHelpText(
    "after",
    "\nThe backup holds every resource with its history. Without the key, nobody can read its secrets; with it,\n" +
      "whoever has the file can. The key takes the right to get kek. Data of volumes comes from a snapshot, which\n" +
      "Rune removes afterwards. It pauses those who write them, as rune snapshot create does.\n" +
      formatExamples(
        "rune admin backup --out rune.tgz --with-kek",
        "rune admin backup --out rune.tgz --with-volumes prod/pgdata prod/media",
      ),
  );
  backup.action(async ({ out, withKek, withVolumes = [], snapshots }, self) => {
    const { terminal, client, namespace } = openSession(cli, self);
    const volumes = withVolumes.flatMap((names) => names.split(",")).filter((name) => name !== "")
      .map((name) => name.includes("/") ? name : `${namespace}/${name}`);
    const wrong = volumes.find((name) => !/^[^/]+\/[^/]+$/.test(name));
    if (wrong !== undefined) throw new UsageError(`"${wrong}" is not a volume`, "write <namespace>/<name>");
    const body: BackupRequest = { withKek: withKek ?? false, volumes, snapshots };
    if (out === "-" && terminal.stdoutIsTerminal) {
      throw new UsageError("a backup cannot be written to a terminal", "write it to a file: --out rune.tgz");
    }
    await withInterrupt(async (signal) => {
      const stream = await client.download("POST", "/v1/admin/backup", { body, signal });
      if (out === "-") { for await (const chunk of stream) await terminal.write("out", chunk); }
      else terminal.err(`wrote ${out}, ${formatBytes(await writeWhole(out, stream))}\n`);
      if (volumes.length === 0) return;
      terminal.err(
        snapshots
          ? `the data of ${volumes.join(", ")} comes from snapshots: each shows a single moment\n`
          : `the files of ${
            volumes.join(", ")
          } were copied as they were: what was written meanwhile may be torn\n`,
      );
    });
  });
}

/** Writes a stream to a file that appears only once it is complete. @returns its size. */
async function writeWhole(out: string, stream: ReadableStream<Uint8Array>): Promise<number> {
  try {
    return await replaceFile(out, stream, { aside: `${out}.partial` });
  } catch (error) {
    await stream.cancel().catch(() => {});
    if (error instanceof RuneError || error instanceof DOMException) throw error;
    throw cannotWriteError(out, error);
  }
}

function cannotWriteError(out: string, cause: unknown): RuneError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RuneError("failed_precondition", `cannot write ${out}: ${reason}`, {
    hint: "check that the directory exists, is writable and has room",
    cause,
  });
}

/** Asks whether the restored daemon replaces what still runs. */
async function askTakeOverOrCopy(
  terminal: Terminal,
  running: string[],
): Promise<"take-over" | "as-copy" | undefined> {
  terminal.err("parts of the daemon that made this backup still run:\n");
  for (const what of running) terminal.err(`  ${what}\n`);
  terminal.err(
    "t: that daemon is gone and this one replaces it; what still runs is stopped\n" +
      "c: this one is a separate copy\n",
  );
  const answer = (await askLine(terminal, "Take over, make a copy, or restore nothing? [t/c/N] ")).trim()
    .toLowerCase();
  return answer === "t" ? "take-over" : answer === "c" ? "as-copy" : undefined;
}

/** Adds `restore` to the group `admin`. */
export function defineRestore(group: Command, cli: Cli): void {
  const restore = group.command("restore").description(
    "restore a backup on this machine, with no daemon running",
  )
    .argument("<file>", "a backup from rune admin backup")
    .option(
      "--data-dir <directory>",
      "where to restore it; must not contain a state (default: as for rune serve)",
    )
    .option("--config <file>", "runefile of the daemon that will run on it")
    .option("--take-over", "replace the daemon of the backup, and stop what still runs of it")
    .option("--as-copy", "create a separate daemon, beside the one that made the backup");
  addGlobalFlags(restore, { output: true });
  restore.addHelpText(
    "after",
    "\nRune checks everything before the state appears, and you can run an interrupted restore again. Before it\n" +
      "writes anything, it looks for what still runs of the same daemon. If it finds something, say whether this\n" +
      "daemon takes its place (--take-over) or is another one beside it (--as-copy). A copy has an id, volumes and\n" +
      "a key file of its own, and knows nothing of the original's snapshots and host directories.\n" +
      formatExamples("rune admin restore rune.tgz", "rune admin restore rune.tgz --data-dir /srv/rune"),
  );
  restore.action(async (file, { dataDir, config, takeOver, asCopy }, self) => {
    const { terminal, output } = openSession(cli, self);
    if (takeOver && asCopy) {
      throw new UsageError("--take-over and --as-copy exclude each other", "use one of them");
    }
    const report = await (await cli.loadOffline()).restore({
      file,
      dataDir,
      config,
      ...(takeOver && { takeOver }),
      ...(asCopy && { asCopy }),
      ...(terminal.stdinIsTerminal && terminal.stderrIsTerminal && {
        ask: (running) => askTakeOverOrCopy(terminal, running),
      }),
    });
    if (output === "json") return terminal.out(renderJson(report));
    if (output === "yaml") return terminal.out(await renderYaml(report));
    terminal.out(
      `restored into ${report.dataDir}: ${report.services} services, ${report.volumes} volumes ` +
        `(${report.restored.length} with their data), as of ${report.createdAt}\n`,
    );
    for (const { volume, handle } of report.without) {
      terminal.err(
        `volume ${volume}: its data is not in the backup; copy it to ${handle} if it is not there\n`,
      );
    }
    if (report.copy) {
      terminal.err(`it is a separate daemon, ${report.daemonId}; the original is unchanged\n`);
    }
    for (const what of report.running) terminal.err(`still runs: ${what}\n`);
    for (const note of report.notes) terminal.err(`${note}\n`);
    const flags = `${config === undefined ? "" : ` --config ${config}`}${
      dataDir === undefined ? "" : ` --data-dir ${dataDir}`
    }`;
    terminal.err(`now start the daemon: rune serve${flags}\n`);
  });
}
