/** `rune install`: installs the program, its systemd unit, a runefile and its directories. @module */
import { dirname, join } from "node:path";
import { replaceFile } from "../../base/durable.ts";
import { RuneError } from "../../model/error.ts";
import { type Define, formatExamples } from "../client/command.ts";
import { INSTALL_FILES, type InstallFile, PROGRAM, RUNEFILES } from "../files/install_files.ts";

/** The path of this executable; undefined when run from source. */
async function programFile(env: (name: string) => string | undefined): Promise<string | undefined> {
  const packed = env("RUNE_PROGRAM");
  if (packed) return await Deno.realPath(packed).catch(() => undefined);
  return Deno.build.standalone ? Deno.execPath() : undefined;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const exists = (path: string) => Deno.stat(path).then(() => true, () => false);

/** Copies to a temporary file and renames, so that nobody ever sees half a program. */
async function replaceProgram(source: string, path: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await replaceFile(path, (await Deno.open(source)).readable, { mode: 0o755 });
}

async function installFile(file: InstallFile, root: string): Promise<string> {
  const path = join(root, file.path);
  const { text, mode } = file;
  if (text === undefined) {
    if (await exists(path)) return "is there";
    await Deno.mkdir(path, { recursive: true });
    await Deno.chmod(path, mode);
    return "made";
  }
  if (file.keep) {
    for (const other of RUNEFILES) if (await exists(join(root, other))) return `unchanged (${other})`;
  }
  const found = await readText(path);
  if (found === text) return "unchanged";
  await Deno.mkdir(dirname(path), { recursive: true });
  await replaceFile(path, text, { mode });
  return found === undefined ? "written" : "replaced";
}

async function installProgram(source: string, root: string): Promise<string> {
  const target = join(root, PROGRAM);
  if (await Deno.realPath(target).catch(() => undefined) === source) return "is this program";
  const found = await exists(target);
  await replaceProgram(source, target);
  return found ? "replaced" : "written";
}

function describe({ path, mode, text, keep }: InstallFile): string {
  const head = `${path}  ${mode.toString(8).padStart(4, "0")}${keep ? ", kept if it exists" : ""}\n`;
  return text === undefined ? head : head + text.replace(/^(?=.)/gm, "    ") + "\n";
}

/** See the module. */
export const define: Define = (command, cli) => {
  const install = command
    .option("--dry-run", "print what would be written without writing it")
    .option("--root <directory>", "install below this directory, for packages and images", "/")
    .addHelpText(
      "after",
      "\nWrites the program, a systemd unit, a runefile if there is none, and the data directory. Running it again\n" +
        "updates the program and the unit. Make changes to the unit with: systemctl edit rune\n" +
        formatExamples(
          "rune install --dry-run",
          "rune install && systemctl daemon-reload && systemctl enable --now rune",
        ),
    );
  install.action(async ({ dryRun, root }) => {
    const { terminal } = cli;
    const source = await programFile(terminal.env);
    if (dryRun) {
      terminal.out(`${PROGRAM}  0755, a copy of ${source ?? "the built program"}\n`);
      for (const file of INSTALL_FILES) terminal.out(describe(file));
      return;
    }
    if (source === undefined) {
      throw new RuneError(
        "failed_precondition",
        "this is Rune from source; only the built program can be installed",
        {
          hint: "build it with deno task build, then run: dist/rune install",
        },
      );
    }
    let place = PROGRAM;
    try {
      terminal.out(`${join(root, PROGRAM)} ${await installProgram(source, root)}\n`);
      for (const file of INSTALL_FILES) {
        place = file.path;
        terminal.out(`${join(root, file.path)} ${await installFile(file, root)}\n`);
      }
    } catch (error) {
      if (error instanceof RuneError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new RuneError("failed_precondition", `cannot write ${join(root, place)}: ${reason}`, {
        hint: Deno.uid() === 0
          ? "check that the directory can be written and has room, then run it again"
          : "run it as root; rune install --dry-run shows what it would do",
        cause: error,
      });
    }
    if (root === "/") {
      terminal.err("start it with: systemctl daemon-reload && systemctl enable --now rune\n");
    }
  });
};
