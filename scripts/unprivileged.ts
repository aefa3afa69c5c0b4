/**
 * Rooms whose rules can all be tested by an ordinary user: without root, Docker or a device. Every file of
 * theirs has a test beside it. `unprivileged_test.ts` looks for it, and runs the tests as `nobody`.
 * @module
 */
import { isOutsideProgram } from "./tree.ts";

/** Folders in which every file has a test beside it. */
const TESTED_FOLDERS = ["server/admission/", "server/api/routes/"];
/** What has the effects of a controller: its `apply.ts`, or where it has none `controller.ts` itself. */
const EFFECTS = /^(reconcile\/\w+\/)(apply|controller)\.ts$/;
/** Folders whose tests all run without root. */
const UNPRIVILEGED_FOLDERS = ["server/admission/", "server/api/", "reconcile/"];

/** Whether a file does something: one that declares types alone has nothing to test. */
const hasCode = (text: string) => /^export (async )?(function|const|class|let)\b/m.test(text);

function hasEffects(file: string, known: ReadonlySet<string>): boolean {
  const [, folder, name] = EFFECTS.exec(file) ?? [];
  return name === "apply" || (name === "controller" && !known.has(`${folder}apply.ts`));
}

/** The files that lack a test, one line each. @param files paths under the root. */
export function findUntested(files: readonly string[], readText: (path: string) => string): string[] {
  const known = new Set(files);
  return files.filter((file) =>
    !isOutsideProgram(file) &&
    (hasEffects(file, known) || TESTED_FOLDERS.some((folder) => file.startsWith(folder))) &&
    !known.has(file.replace(/\.ts$/, "_test.ts")) && hasCode(readText(file))
  ).map((file) => `${file}: has no test beside it`);
}

/** The test files that must pass as an ordinary user. */
export function listUnprivilegedTests(files: readonly string[]): string[] {
  return files.filter((file) =>
    file.endsWith("_test.ts") && UNPRIVILEGED_FOLDERS.some((folder) => file.startsWith(folder))
  );
}

/** An ordinary user and a group of the same number: `nobody`, on every Linux. */
const NOBODY = "65534";

/**
 * The command that runs a program as `nobody`. The user may read what root may: the program, its sources and
 * its libraries often lie below root's home.
 */
export function asNobody(argv: readonly string[]): string[] {
  const capabilities = "-all,+dac_read_search";
  return [
    "setpriv",
    `--reuid=${NOBODY}`,
    `--regid=${NOBODY}`,
    "--clear-groups",
    `--bounding-set=${capabilities}`,
    `--inh-caps=${capabilities}`,
    `--ambient-caps=${capabilities}`,
    ...argv,
  ];
}
