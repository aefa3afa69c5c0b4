/** Resolves the target of `logs` and `exec`: a service or one instance. @module */
import { parseInstanceName } from "../../model/instance_name.ts";
import { RuneError } from "../../model/error.ts";
import type { Instance } from "../../model/instance.ts";
import type { Service } from "../../model/service.ts";
import { findResource, listResources } from "../client/api.ts";
import { parseKind, type Session } from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";

/** Parses a target: a name, optionally with its kind (`instance/web-0`). */
export function parseTarget(word: string): { kind?: "service" | "instance"; name: string } {
  const [first, second, ...rest] = word.split("/");
  if (second === undefined) return { name: word };
  const kind = parseKind(first!).kind;
  if ((kind !== "service" && kind !== "instance") || second === "" || rest.length > 0) {
    throw new UsageError(
      `"${word}" is neither a service nor an instance`,
      "write a name, service/<name> or instance/<name>",
    );
  }
  return { kind, name: second };
}

/**
 * Finds the service or instance with a name; a service wins over an instance. If nobody named a namespace and
 * the default one has neither, it uses a service elsewhere whose name is unique, and says so.
 *
 * @throws {RuneError} `not_found` if there is neither.
 */
export async function findTarget(session: Session, word: string): Promise<Service | Instance> {
  const { client, namespace } = session;
  const { kind, name } = parseTarget(word);
  for (const tried of kind ? [kind] : (["service", "instance"] as const)) {
    const found: Service | Instance | undefined = await findResource(client, {
      kind: tried,
      namespace,
      name,
    });
    if (found) return found;
  }
  const elsewhere = session.namespaceGiven || kind === "instance"
    ? []
    : (await listResources(client, "service", {})).filter((service) => service.name === name);
  const [only, ...others] = elsewhere;
  if (only && others.length === 0) {
    session.terminal.err(`service ${name} is in namespace ${only.namespace}\n`);
    return only;
  }
  throw new RuneError(
    "not_found",
    `no ${kind ?? "service or instance"} is named ${name} in namespace ${namespace}`,
    {
      hint: only
        ? `say which: ${elsewhere.map((s) => `-n ${s.namespace}`).join(", ")}`
        : "list them with: rune get services -A, rune get instances -A",
    },
  );
}

/** The target of `logs`. */
export type LogTarget = Service | { kind: "instance"; namespace: string; name: string };

/**
 * Like {@linkcode findTarget}, but also finds a removed instance of an existing service, whose last output is
 * kept.
 *
 * @throws {RuneError} `not_found` if nothing has or had that name.
 */
export async function findLogTarget(session: Session, word: string): Promise<LogTarget> {
  try {
    return await findTarget(session, word);
  } catch (error) {
    const { kind, name } = parseTarget(word);
    const service = kind === "service" ? undefined : parseInstanceName(name)?.service;
    if (!(error instanceof RuneError) || error.code !== "not_found" || service === undefined) throw error;
    const { client, namespace } = session;
    if (!await findResource(client, { kind: "service", namespace, name: service })) throw error;
    return { kind: "instance", namespace, name };
  }
}
