/**
 * Resolves the variables and files that a run gets from configmaps and secrets, with their current values.
 * @module
 */
import type { InstanceTemplate } from "../../model/instance.ts";
import { RuneError } from "../../model/error.ts";
import { isReservedKey } from "../../model/body_shape.ts";
import { MAX_ENVIRONMENT } from "../../model/limits.ts";
import { PROCESS_VARIABLE } from "../../model/runner_fields.ts";
import { parseAccountId } from "../../model/security.ts";
import { type DataKey, dataKey, describeData } from "../../model/data_uses.ts";
import type { ReadData } from "./data.ts";
import type { FileMount } from "../../node/files.ts";

/** See the module comment. */
export interface ResolvedConfig {
  /** Variables from `envFrom`; later sources win over earlier ones. */
  env: Record<string, string>;
  /** The same for secrets, without variables that a later configmap overrides. Never stored. */
  secretEnv: Record<string, string>;
  /** One for each mount, secrets first. */
  mounts: FileMount[];
  /** Keys that cannot be variables, one sentence for each source. */
  skipped: string[];
}

const SECRET_MODE = "0400";
const CONFIG_MODE = "0444";

/**
 * Reads every configmap and secret that a template names.
 *
 * @param options.owner owner of files whose mount names none. Default: the user of the security context, if
 * it is a number.
 * @throws {RuneError} `not_found` (not permanent) if a resource or key does not exist.
 */
export async function resolveConfig(
  template: InstanceTemplate,
  { namespace, readData, owner = ownerOf(template) }: {
    namespace: string;
    readData: ReadData;
    owner?: { user?: number; group?: number };
  },
): Promise<ResolvedConfig> {
  const read = async (key: DataKey) => {
    const data = await readData(key.kind, key.namespace, key.name);
    if (data) return data;
    throw new RuneError("not_found", `${describeData(key)} does not exist`, { hint: "cast it" });
  };
  const env: Record<string, string> = {};
  const secretEnv: Record<string, string> = {};
  const skipped: string[] = [];
  let size = 0;
  for (const source of template.envFrom) {
    const key = dataKey(source, namespace);
    const unfit: string[] = [];
    const [into, other] = key.kind === "secret" ? [secretEnv, env] : [env, secretEnv];
    for (const [name, value] of Object.entries(await read(key))) {
      const variable = source.prefix + name;
      if (PROCESS_VARIABLE.test(variable) && !isReservedKey(variable) && !value.includes("\0")) {
        into[variable] = value;
        delete other[variable];
        size += variable.length + value.length;
        if (size > MAX_ENVIRONMENT) throw tooMuch(key);
      } else unfit.push(variable);
    }
    if (unfit.length > 0) {
      skipped.push(
        `${describeData(key)}: left out of the environment, as no variable can have such a name or value: ` +
          unfit.sort().slice(0, 8).join(", ") + (unfit.length > 8 ? ` and ${unfit.length - 8} more` : ""),
      );
    }
  }
  const mounts = [...template.secretMounts, ...template.configMounts].map(
    async (mount): Promise<FileMount> => {
      const key = dataKey(mount, namespace);
      const data = await read(key);
      const items = mount.items ?? Object.keys(data).map((name) => ({ key: name, path: name }));
      const secret = key.kind === "secret";
      return {
        target: mount.mountPath,
        inMemory: secret,
        user: mount.user ?? owner.user,
        group: mount.group ?? owner.group,
        mode: parseInt(mount.mode ?? (secret ? SECRET_MODE : CONFIG_MODE), 8),
        files: items.map(({ key: name, path }) => {
          const text = Object.hasOwn(data, name) ? data[name] : undefined;
          if (text !== undefined) return { path, text };
          throw new RuneError("not_found", `${describeData(key)} has no key "${name}"`, { hint: "add it" });
        }),
      };
    },
  );
  return { env, secretEnv, mounts: await Promise.all(mounts), skipped };
}

const tooMuch = (key: DataKey) =>
  new RuneError(
    "failed_precondition",
    `with ${describeData(key)} the environment is larger than Linux passes on`,
    {
      hint: `all variables have at most ${MAX_ENVIRONMENT} characters; mount it as files`,
      permanent: false,
    },
  );

/** Files belong to the service's user if it is a number, since nobody else has to read them. */
function ownerOf({ securityContext }: InstanceTemplate): { user?: number; group?: number } {
  const number = (id: string | undefined) => id === undefined ? undefined : parseAccountId(id);
  return { user: number(securityContext?.user), group: number(securityContext?.group) };
}
