/** `rune admin backup` and `rune admin restore`. @module */
import { dirname } from "node:path";
import type { Command } from "@commander-js/extra-typings";
import { syncDirectory, writeNewFile } from "../../base/durable.ts";
import type { BackupRequest } from "../../spec/api.ts";
import { RuneError } from "../../spec/error.ts";
import { formatBytes } from "../../spec/format.ts";
import { addGlobalFlags, type Cli, examples, openSession } from "../command.ts";
import { UsageError } from "../exit_codes.ts";
import { withInterrupt } from "../interrupt.ts";
import { renderJson, renderYaml } from "../output.ts";

/** Adds `backup` to the group `admin`. */
export function defineBackup(group: Command, cli: Cli): void {
  const backup = group.command("backup").description("write a backup of the daemon, while it runs")
    .requiredOption("--out <file>", "where to write it; - for standard output")
    .option("--with-kek", "put the key that protects the secrets into it")
    .option("--with-volumes <volumes...>", "put the data of these volumes into it, <namespace>/<name>")
    .option("--no-snapshots", "copy the files of volumes as they are, and pause nobody who writes them");
  addGlobalFlags(backup);
  backup.addHelpText(
    "after",
    "\nThe backup holds every resource with its history. Without the key, its secrets cannot be read; with it, whoever\n" +
      "has the file can read them, and it takes the right to get kek. Data of volumes is taken from a snapshot, which is removed afterwards; those who write\n" +
      "them are paused for it, as by rune snapshot create.\n" +
      examples(
        "rune admin backup --out rune.tgz --with-kek",
        "rune admin backup --out rune.tgz --with-volumes prod/pgdata prod/media",
      ),
  );
  backup.action(async ({ out, withKek, withVolumes = [], snapshots }, self) => {
    const { terminal, client, namespace } = openSession(cli, self);
    const volumes = withVolumes.flatMap((names) => names.split(",")).filter((name) => name !== "")
      .map((name) => name.includes("/") ? name : `${namespace}/${name}`);
    const wrong = volumes.find((name) => !/^[^/]+\/[^/]+$/.test(name));
    if (wrong !== undefined) throw new UsageError(`"${wrong}" is no volume`, "write <namespace>/<name>");
    const body: BackupRequest = { withKek: withKek ?? false, volumes, snapshots };
    if (out === "-" && terminal.stdoutIsTerminal) {
      throw new UsageError("a backup is not for the terminal", "write it to a file: --out rune.tgz");
    }
    await withInterrupt(async (signal) => {
      const stream = await client.download("POST", "/v1/admin/backup", { body, signal });
      if (out === "-") { for await (const chunk of stream) await terminal.write("out", chunk); }
      else terminal.err(`wrote ${out}, ${formatBytes(await writeWhole(out, stream))}\n`);
      if (volumes.length === 0) return;
      terminal.err(
        snapshots
          ? `the data of ${volumes.join(", ")} is from snapshots: each of one moment\n`
          : `the files of ${
            volumes.join(", ")
          } were copied as they were: what was written meanwhile may be torn\n`,
      );
    });
  });
}

/** Writes a stream to a file that appears only when all of it is there. @returns its size. */
async function writeWhole(out: string, stream: ReadableStream<Uint8Array>): Promise<number> {
  const partial = `${out}.partial`;
  try {
    // What an earlier one left that was killed.
    await Deno.remove(partial).catch(() => {});
    const size = await writeNewFile(partial, stream);
    await Deno.rename(partial, out);
    await syncDirectory(dirname(out));
    return size;
  } catch (error) {
    await stream.cancel().catch(() => {});
    if (error instanceof RuneError || error instanceof DOMException) throw error;
    throw notWritten(out, error);
  }
}

function notWritten(out: string, cause: unknown): RuneError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RuneError("failed_precondition", `cannot write ${out}: ${reason}`, {
    hint: "check that the directory exists, can be written and has room",
    cause,
  });
}

/** Adds `restore` to the group `admin`. */
export function defineRestore(group: Command, cli: Cli): void {
  const restore = group.command("restore").description(
    "restore a backup on this machine, with no daemon running",
  )
    .argument("<file>", "what rune admin backup wrote")
    .option(
      "--data-dir <directory>",
      "where to restore it; it must hold no state (default as for rune serve)",
    )
    .option("--config <file>", "runefile of the daemon that will run on it");
  addGlobalFlags(restore, { output: true });
  restore.addHelpText(
    "after",
    "\nEverything is checked before the state appears; an interrupted restore can be run again. What runs is adopted by\n" +
      "the next daemon where it still is; end processes that an earlier daemon started and the backup does not know.\n" +
      examples("rune admin restore rune.tgz", "rune admin restore rune.tgz --data-dir /srv/rune"),
  );
  restore.action(async (file, { dataDir, config }, self) => {
    const { terminal, output } = openSession(cli, self);
    const report = await (await cli.offline()).restore({ file, dataDir, config });
    if (output === "json") return terminal.out(renderJson(report));
    if (output === "yaml") return terminal.out(await renderYaml(report));
    terminal.out(
      `restored into ${report.dataDir}: ${report.services} services, ${report.volumes} volumes ` +
        `(${report.restored.length} with their data), as of ${report.createdAt}\n`,
    );
    for (const { volume, handle } of report.without) {
      terminal.err(
        `volume ${volume}: its data is not in the backup; put it at ${handle} if it is not there\n`,
      );
    }
    const flags = `${config === undefined ? "" : ` --config ${config}`}${
      dataDir === undefined ? "" : ` --data-dir ${dataDir}`
    }`;
    terminal.err(`start the daemon to go on: rune serve${flags}\n`);
  });
}
