/**
 * The parameters of drivers whose values are secrets. Only this list crosses to the rooms that judge and show
 * declarations; they need nothing else of the drivers.
 * @module
 */
import { parseParameterRef } from "../model/secret.ts";
import { DO_VOLUME_PARAMETERS } from "./digitalocean/parameters.ts";
import type { ParameterDocs } from "./entry.ts";
import { LOCAL_PARAMETERS } from "./local/parameters.ts";
import { LOCAL_HOST_PARAMETERS } from "./local_host/parameters.ts";

const DOCS: ParameterDocs[] = [LOCAL_PARAMETERS, LOCAL_HOST_PARAMETERS, DO_VOLUME_PARAMETERS];

/**
 * The keys, whatever the driver. What one driver keeps secret is masked for every driver, since a class may
 * name the wrong one, or be gone.
 */
export const SECRET_PARAMETERS: ReadonlySet<string> = new Set(
  DOCS.flatMap((docs) => Object.entries(docs).filter(([, doc]) => doc.secret).map(([key]) => key)),
);

/** The keys among parameters whose values are secrets. */
export const listSecretParameters = (parameters: Readonly<Record<string, string>>): string[] =>
  Object.keys(parameters).filter((key) => SECRET_PARAMETERS.has(key));

/** Whether the value of a parameter is a secret itself, and no reference to one. */
export function isLiteralSecret(key: string, value: unknown): value is string {
  return SECRET_PARAMETERS.has(key) && typeof value === "string" && !value.startsWith("secret:");
}

/**
 * A text that is the same for parameters with the same secrets: these say which account a driver reaches. Two
 * secrets may open one account, so different texts prove nothing. Never show it: it may hold a secret.
 *
 * @param namespace that of references that name none.
 */
export function makeAccountKey(parameters: Readonly<Record<string, string>>, namespace: string): string {
  const keys = listSecretParameters(parameters).sort();
  return JSON.stringify(
    keys.map((key) => [key, parseParameterRef(parameters[key]!, namespace) ?? parameters[key]]),
  );
}
