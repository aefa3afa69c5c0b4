/** `rune lint`: checks castfiles and runefiles without a daemon. @module */
import { basename } from "node:path";
import { oneLine } from "../../base/plain_text.ts";
import { looksLikeRunefile } from "../../model/castfile.ts";
import { checkCastfiles } from "../files/castfiles.ts";
import type { ImageReport } from "../../model/api.ts";
import type { Declared } from "../../model/declared.ts";
import { describeKey } from "../../model/resource.ts";
import { addGlobalFlags, type Define, formatExamples, openSession, type Session } from "../client/command.ts";
import { reportNotes } from "../describe/image_notes.ts";
import { readSources } from "../files/sources.ts";

const count = (n: number, word: string) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** Whether a source is a runefile by its name. TOML is never a castfile. */
const isNamedRunefile = (source: string) =>
  source.endsWith(".toml") || /^runefile[^/]*\.ya?ml$/.test(basename(source));

/** What the images of services declare beyond the castfiles, one sentence each. */
async function imageWarnings({ client }: Session, all: Declared[]): Promise<string[]> {
  const services = all.flatMap((declared) =>
    declared.kind === "service" && declared.spec.image !== undefined ? [declared] : []
  );
  if (services.length === 0) return [];
  const images = [...new Set(services.map(({ spec }) => spec.image!))];
  const { items } = await client.request<{ items: ImageReport[] }>("POST", "/v1/images/describe", {
    body: { images },
  });
  const reports = new Map(items.map((report) => [report.image, report]));
  return services.flatMap(({ spec, name, ...key }) =>
    reportNotes(spec, { name, report: reports.get(spec.image!)! })
      .map((note) => `service ${describeKey({ ...key, name })}: ${note}`)
  );
}

/** See the module. */
export const define: Define = (command, cli) => {
  const lint = command
    .argument("<sources...>", "files, directories, patterns, - for standard input, https:// addresses")
    .option("-r, --recursive", "descend into directories")
    .option("--images", "also ask the daemon what the images of services declare, if it has them")
    .option("--runefile", "treat the files as runefiles, whatever their names");
  addGlobalFlags(lint);
  lint.addHelpText(
    "after",
    "\nChecks the files alone; a cast also checks them against what exists. Files named runefile….yaml, files ending in\n" +
      ".toml, and files with sections such as server and storage are runefiles. Exit code 6 means mistakes.\n" +
      "With --images the daemon says what the images declare; it pulls nothing.\n" +
      formatExamples("rune lint web.yaml", "rune lint -r apps/", "rune lint /etc/rune/runefile.yaml"),
  );
  lint.action(async (sources, options, self) => {
    const session = openSession(cli, self);
    const { terminal, namespace } = session;
    const warn = (text: string) => terminal.err(`warning ${oneLine(text)}\n`);
    const named = sources.filter((source) => options.runefile || isNamedRunefile(source));
    const others = sources.filter((source) => !named.includes(source));
    const texts = await readSources(others, {
      recursive: options.recursive ?? false,
      stdin: terminal.stdin,
    });
    // The daemon's side can read a file again, but not standard input or an address.
    const isFound = ({ file, text }: { file: string; text: string }) =>
      file !== "stdin" && !file.startsWith("https://") && looksLikeRunefile(text);
    const runefiles = [...named, ...texts.filter(isFound).map(({ file }) => file)];
    const castfiles = texts.filter((text) => !isFound(text));
    for (const file of runefiles) {
      const warnings = await (await cli.loadOffline()).checkRunefile(file);
      terminal.out(`ok: ${file}\n`);
      for (const warning of warnings) warn(`${file}: ${warning}`);
    }
    if (castfiles.length === 0) return;
    const { resources, files, warnings } = checkCastfiles(castfiles, { namespace });
    for (const warning of warnings) warn(warning);
    if (options.images) {
      const declared = resources.map((resource) => resource.declared);
      for (const note of await imageWarnings(session, declared)) warn(note);
    }
    terminal.out(`ok: ${count(resources.length, "resource")} in ${count(files, "file")}\n`);
  });
};
