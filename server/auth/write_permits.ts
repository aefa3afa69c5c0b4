/**
 * What writing one declaration takes: the right to create or change it, the extra rights for what is dangerous, and the right
 * to whatever it reaches for in other namespaces, which would else be a way around every rule of theirs.
 * @module
 */
import type { Declared } from "../../spec/declared.ts";
import type { RuleResource, Verb } from "../../spec/identity.ts";
import { parseNameRef } from "../../spec/name.ts";
import { KINDS } from "../../spec/resource.ts";
import { envRefs, parseParameterRef, type SecretKeyRef } from "../../spec/secret.ts";
import type { ServiceSpec } from "../../spec/service.ts";
import type { Permit } from "./authority.ts";

/** Asks for everything that writing the declaration takes. @throws {RuneError} `permission_denied`. */
export function permitWrite(permit: Permit, declared: Declared, { exists }: { exists: boolean }): void {
  const { kind, name } = declared;
  const resource = KINDS[kind].plural as RuleResource;
  const namespace = kind === "namespace" ? name : declared.namespace;
  permit({ resource, verb: exists ? "update" : "create", namespace });
  if (kind === "service" && isPrivileged(declared.spec)) {
    permit({ resource: "services", verb: "services.privileged", namespace });
  }
  if (kind === "storageClass" && declared.spec.default) {
    permit({ resource: "storageclasses", verb: "storageclasses.set-default", namespace: "" });
  }
  for (const reach of reaches(declared)) {
    if (reach.namespace !== namespace) permit(reach);
  }
}

/** Whether what runs could take over the host: a container with privileges, or a process with those of the daemon. */
export function isPrivileged(
  { process, securityContext = {} }: Pick<ServiceSpec, "process" | "securityContext">,
): boolean {
  const { user, capabilities = [], capAdd = [], privileged, seccompProfile } = securityContext;
  if (process) return user === undefined || user === "root" || Number(user) === 0 || capabilities.length > 0;
  return privileged === true || capAdd.length > 0 || seccompProfile === "unconfined";
}

interface Reach {
  resource: RuleResource;
  verb: Verb;
  namespace: string;
}

/** What a declaration uses of other resources. */
function reaches(declared: Declared): Reach[] {
  const { namespace } = declared;
  const secrets = (refs: (SecretKeyRef | null | undefined)[]): Reach[] =>
    refs.filter((ref) => !!ref).map((ref) => ({
      resource: "secrets",
      verb: "get",
      namespace: ref.namespace,
    }));
  const named = (text: string | undefined, resource: RuleResource, verb: Verb): Reach[] => {
    const ref = text === undefined ? null : parseNameRef(text, namespace);
    return ref ? [{ resource, verb, namespace: ref.namespace }] : [];
  };
  const parameters = (values: Record<string, string>) =>
    secrets(Object.values(values).map((value) => parseParameterRef(value, namespace)));
  switch (declared.kind) {
    case "volume":
      return parameters(declared.spec.parameters);
    case "storageClass":
      // References without a namespace mean that of each volume.
      return parameters(declared.spec.parameters);
    case "service": {
      const { spec } = declared;
      const values = [spec.env, spec.process?.env ?? {}, ...spec.initSteps.map((step) => step.env)].flatMap(
        Object.values,
      );
      return [
        ...secrets(values.flatMap((value: string) => envRefs(value, namespace))),
        ...spec.volumes.flatMap((m) => named(m.claim?.name, "volumes", m.readOnly ? "get" : "update")),
        ...spec.volumes.flatMap((m) => parameters(m.claimTemplate?.parameters ?? {})),
        ...spec.secretMounts.flatMap((m) => named(m.secretName, "secrets", "get")),
        ...spec.configMounts.flatMap((m) => named(m.configName, "configmaps", "get")),
        ...spec.envFrom.flatMap((e) =>
          "secretName" in e ? named(e.secretName, "secrets", "get") : named(e.configName, "configmaps", "get")
        ),
      ];
    }
    default:
      return [];
  }
}
