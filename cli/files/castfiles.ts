/** Reads and checks castfiles, all of them before any is used. @module */
import { type CastResource, findDuplicates, parseCastfile } from "../../model/castfile.ts";
import { checkSet } from "../../model/checks.ts";
import { type ErrorCode, type FieldIssue, RuneError } from "../../model/error.ts";
import { describeKey } from "../../model/kinds.ts";
import { oddLineEnd } from "../../model/secret_value.ts";
import { readSources, type SourceOptions, type SourceText } from "./sources.ts";

/** The declarations of some castfiles. */
export interface CastSet {
  resources: CastResource[];
  /** How many files were read. */
  files: number;
  /** Warnings about valid but odd content, one sentence each with its position. */
  warnings: string[];
}

/** Adds the position in the file to an issue that names a resource by index. */
function placeIssue(issue: FieldIssue, resources: CastResource[]): FieldIssue {
  const resource = issue.resource === undefined ? undefined : resources[issue.resource];
  return resource ? { ...issue, ...resource.locate(issue.path) } : issue;
}

const compareByPosition = (a: FieldIssue, b: FieldIssue) =>
  (a.file ?? "").localeCompare(b.file ?? "") || (a.line ?? 0) - (b.line ?? 0) ||
  (a.column ?? 0) - (b.column ?? 0);

/** All mistakes in some castfiles, as one error. */
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
    issues: [...issues].sort(compareByPosition),
    hint: applies ? "fix these mistakes; nothing was applied" : "fix these mistakes",
    cause,
  });
}

/** Warnings about secret values with line ends that their author may not have noticed. */
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

/** How to check castfiles. */
export interface CheckOptions {
  /** For resources that do not name one. */
  namespace: string;
  /** Whether the caller is about to apply them: an error then says that nothing was applied. */
  applies?: boolean;
}

/**
 * Reads castfiles and checks everything that needs no daemon.
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
 * Checks everything in some castfiles that needs no daemon.
 *
 * @throws {RuneError} `invalid_argument` with every issue and its position.
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
  issues.push(...checkSet(declared).map((issue) => placeIssue(issue, resources)));
  if (issues.length > 0) throw refusal("invalid_argument", issues, { applies: options.applies ?? false });
  if (resources.length === 0) {
    throw new RuneError(
      "invalid_argument",
      `${sources.map((s) => s.file).join(", ")}: no resources found`,
      { hint: "a castfile holds a key per resource, for example `service:` with name, image and scale" },
    );
  }
  return { resources, files: sources.length, warnings: warningsOf(resources) };
}

/** The daemon's refusal, its issues with positions in the castfiles. */
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
