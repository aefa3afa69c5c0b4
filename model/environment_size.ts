/**
 * The limits of Linux on the words and variables of a program, one by one and in total (execve(2)). Larger
 * ones fail only when the program starts, with "Argument list too long".
 * @module
 */
import type { FieldIssue } from "./error.ts";
import { LIMITS, MAX_ENVIRONMENT } from "./limits.ts";
import type { EnvSource } from "./mounts.ts";
import { parseNameRef } from "./name.ts";
import { PROCESS_VARIABLE } from "./runner_fields.ts";
import type { ServiceSpec } from "./service.ts";

type Path = (string | number)[];

/** The words and variables of a program. */
export interface ProgramInput {
  words: string[];
  env: Record<string, string>;
}

/** A word or variable that is too long. Neither `word` nor `variable` is set if the total is too long. */
export interface TooLarge {
  word?: number;
  variable?: string;
  /** A sentence for a message. */
  message: string;
}

/** The kernel also counts its pointer to each word and variable. */
const POINTER = 8;

/** Bytes of a text in UTF-8, with its final NUL. */
const sizeOf = (value: string): number => new TextEncoder().encode(value).length + 1;

/** Finds what Linux would refuse: each word and variable that is too long, or else the total. */
export function findTooLarge({ words, env }: ProgramInput): TooLarge[] {
  const most = LIMITS.argument - 1;
  const found: TooLarge[] = [];
  let total = 0;
  const count = (size: number, what: Pick<TooLarge, "word" | "variable">, name: string) => {
    total += size + POINTER;
    if (size > LIMITS.argument) {
      found.push({ ...what, message: `${name} has ${size - 1} bytes, and Linux passes on at most ${most}` });
    }
  };
  words.forEach((value, word) => count(sizeOf(value), { word }, `word ${word + 1} of the command`));
  for (const [variable, value] of Object.entries(env)) {
    count(variable.length + 1 + sizeOf(value), { variable }, `the variable ${variable}`);
  }
  if (found.length === 0 && total > MAX_ENVIRONMENT) {
    const message =
      `its variables and the words of its command have ${total} bytes together, and Linux passes on at most ${MAX_ENVIRONMENT}`;
    found.push({ message });
  }
  return found;
}

/** The hint for anything that is too long. */
export const TOO_LARGE_HINT = "pass large values as files: put them in a configmap or secret, and mount it";

/** Finds the values of a configmap or secret; undefined if they are not known. */
export type FindData = (
  kind: "configmap" | "secret",
  namespace: string,
  name: string,
) => Record<string, string> | undefined;

type Program = Pick<ServiceSpec, "env" | "process" | "command" | "args" | "envFrom" | "initSteps">;

/** A variable or word, and the field that it comes from. */
interface Source {
  value: string;
  path: Path;
}

/**
 * Finds what Linux would refuse in a service's programs. Values of secret references are not known here and
 * do not count.
 *
 * @param find finds the values of `envFrom`.
 */
export function environmentIssues(
  spec: Program,
  { namespace, find }: { namespace: string; find: FindData },
): FieldIssue[] {
  const variables = new Map<string, Source>();
  const add = (env: Record<string, string>, path: Path) => {
    for (const [name, value] of Object.entries(env)) variables.set(name, { value, path: [...path, name] });
  };
  spec.envFrom.forEach((source, i) => {
    for (const [name, value] of fromData(source, { namespace, find })) {
      variables.set(name, { value, path: ["envFrom", i] });
    }
  });
  add(spec.env, ["env"]);
  add(spec.process?.env ?? {}, ["process", "env"]);
  const { process } = spec;
  const words = process
    ? [
      { value: process.command, path: ["process", "command"] },
      ...wordsOf(process.args, ["process", "args"]),
    ]
    : [...wordsOf(spec.command ?? [], ["command"]), ...wordsOf(spec.args ?? [], ["args"])];
  const issues = issuesOf(words, variables);
  spec.initSteps.forEach((step, i) => {
    const own = new Map(variables);
    const at = ["initSteps", i];
    for (const [name, value] of Object.entries(step.env)) {
      own.set(name, { value, path: [...at, "env", name] });
    }
    const stepWords = [...wordsOf(step.command, [...at, "command"]), ...wordsOf(step.args, [...at, "args"])];
    // Issues of the service's own variables are reported once, not again for each step.
    issues.push(...issuesOf(stepWords, own, at).filter(({ path }) => path[0] === "initSteps"));
  });
  return issues;
}

const wordsOf = (words: string[], path: Path): Source[] =>
  words.map((value, i) => ({ value, path: [...path, i] }));

function fromData(
  source: EnvSource,
  { namespace, find }: { namespace: string; find: FindData },
): [string, string][] {
  const [kind, reference] = "secretName" in source
    ? ["secret", source.secretName] as const
    : ["configmap", source.configName] as const;
  const ref = parseNameRef(reference!, namespace)!;
  return Object.entries(find(kind, ref.namespace, ref.name) ?? {})
    .map(([name, value]): [string, string] => [source.prefix + name, value])
    .filter(([name]) => PROCESS_VARIABLE.test(name));
}

function issuesOf(words: Source[], variables: Map<string, Source>, all: Path = []): FieldIssue[] {
  const env = Object.fromEntries([...variables].map(([name, { value }]) => [name, value]));
  return findTooLarge({ words: words.map(({ value }) => value), env }).map(({ word, variable, message }) => ({
    path: (word !== undefined ? words[word] : variables.get(variable!))?.path ?? all,
    message,
    hint: TOO_LARGE_HINT,
  }));
}
