/** Reads and checks castfiles, all of them before anything is done with one (SPEC 2). @module */
import { type CastResource, findDuplicates, parseCastfile } from "../../model/castfile.ts";
import { checkSet } from "../../model/checks.ts";
import { type ErrorCode, type FieldIssue, RuneError } from "../../model/error.ts";
import { describeKey } from "../../model/kinds.ts";
import { oddLineEnd } from "../../model/secret_value.ts";
import { checkSupported } from "../../model/unsupported.ts";
import { readSources, type SourceOptions, type SourceText } from "./sources.ts";

/** Everything that some castfiles declare. */
export interface CastSet {
  resources: CastResource[];
  /** How many files were read. */
  files: number;
  /** What is odd and no mistake, a sentence each with its place. */
  warnings: string[];
}

/** An issue that names a resource by index, with its place in the file. */
function placeIssue(issue: FieldIssue, resources: CastResource[]): FieldIssue {
  const resource = issue.resource === undefined ? undefined : resources[issue.resource];
  return resource ? { ...issue, ...resource.locate(issue.path) } : issue;
}

const inReadingOrder = (a: FieldIssue, b: FieldIssue) =>
  (a.file ?? "").localeCompare(b.file ?? "") || (a.line ?? 0) - (b.line ?? 0) ||
  (a.column ?? 0) - (b.column ?? 0);

/** All that is wrong with some castfiles, as one error. */
function refusal(
  code: ErrorCode,
  issues: FieldIssue[],
  { applies, cause }: { applies: boolean; cause?: unknown },
): RuneError {
  const files = [...new Set(issues.map((issue) => issue.file))];
  const where = files.length === 1 && files[0] !== undefined ? files[0] : `${files.length} files`;
  const what = code === "conflict" ? "cannot be applied now" : "is not valid";
  const count = issues.length === 1 ? "" : `, for ${issues.length} reasons`;
  return new RuneError(code, `${where} ${files.length > 1 ? what.replace("is", "are") : what}${count}`, {
    issues: [...issues].sort(inReadingOrder),
    hint: applies ? "correct what is listed; nothing was applied" : "correct what is listed",
    cause,
  });
}

/** Values of secrets with line ends that their writer may not know of. */
function warningsOf(resources: CastResource[]): string[] {
  return resources.flatMap(({ declared, locate }) => {
    if (declared.kind !== "secret") return [];
    return Object.entries(declared.spec.data).flatMap(([key, value]) => {
      const odd = oddLineEnd(value);
      const { file, line, column } = locate(["data", key]);
      const what = `secret ${describeKey(declared)}: the value of "${key}" ${odd}`;
      return odd === undefined
        ? []
        : [`${file}:${line}:${column}: ${what}; write it in quotes, or with |- instead of |`];
    });
  });
}

/** How castfiles are checked. */
export interface CheckOptions {
  /** For resources that name none. */
  namespace: string;
  /** What is checked would be applied: a refusal says that it was not. */
  applies?: boolean;
}

/**
 * Reads castfiles and checks all that can be checked without a daemon.
 *
 * @param args files, directories, globs, `-`, `https://` addresses.
 * @throws {RuneError} as {@linkcode checkCastfiles} does.
 */
export async function loadCastfiles(
  args: string[],
  { namespace, applies = false, ...from }: SourceOptions & CheckOptions,
): Promise<CastSet> {
  return checkCastfiles(await readSources(args, from), { namespace, applies });
}

/**
 * Checks all of some castfiles that can be checked without a daemon.
 *
 * @throws {RuneError} `invalid_argument` with every issue and its place.
 */
export function checkCastfiles(sources: SourceText[], options: CheckOptions): CastSet {
  const resources: CastResource[] = [];
  const issues: FieldIssue[] = [];
  for (const { file, text } of sources) {
    const castfile = parseCastfile(text, { file, namespace: options.namespace });
    resources.push(...castfile.resources);
    issues.push(...castfile.issues);
  }
  const declared = resources.map((resource) => resource.declared);
  issues.push(...findDuplicates(resources));
  const found = [
    ...checkSet(declared),
    ...declared.flatMap((d, resource) => checkSupported(d).map((issue) => ({ ...issue, resource }))),
  ];
  issues.push(...found.map((issue) => placeIssue(issue, resources)));
  if (issues.length > 0) throw refusal("invalid_argument", issues, { applies: options.applies ?? false });
  if (resources.length === 0) {
    throw new RuneError(
      "invalid_argument",
      `${sources.map((s) => s.file).join(", ")}: no resource is declared`,
      { hint: "a castfile holds a key per resource, for example `service:` with name, image and scale" },
    );
  }
  return { resources, files: sources.length, warnings: warningsOf(resources) };
}

/** A refusal by the daemon, its issues given the places in the castfiles. */
export function locateIssues(
  error: unknown,
  set: Pick<CastSet, "resources">,
  { applies = false }: Pick<CheckOptions, "applies"> = {},
): unknown {
  if (!(error instanceof RuneError) || !error.issues?.length) return error;
  return refusal(error.code, error.issues.map((issue) => placeIssue(issue, set.resources)), {
    applies,
    cause: error,
  });
}
