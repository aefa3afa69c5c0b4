/** Finds the secrets that the parameters of volumes name, and their versions. Pure. @module */
import { describeKey } from "../../model/resource.ts";
import { parseParameterRef, type Secret } from "../../model/secret.ts";
import type { Volume } from "../../model/volume.ts";
import { type ClassedVolume, findClass, readParameters } from "../../node/volume_call.ts";
import type { Reader } from "../../store/store.ts";
import { versionOf } from "../config/versions.ts";

type SecretName = Pick<Secret, "namespace" | "name">;

/** Versions by `<namespace>/<name>`; an empty text for a secret that does not exist. */
export type SecretVersions = Record<string, string>;

/** The versions of the secrets that a volume's parameters name. */
export function readSecretVersions(volume: ClassedVolume, state: Pick<Reader, "get">): SecretVersions {
  return Object.fromEntries(
    findSecrets(volume).map((key) => [describeKey(key), versionOf(state, { ...key, kind: "secret" }) ?? ""]),
  );
}

/** The volumes whose parameters name a secret. */
export function findUsersOf(secret: SecretName, state: Reader): Volume[] {
  const key = describeKey(secret);
  return state.list("volume").filter((volume) =>
    findSecrets(findClass(volume, state)).some((named) => describeKey(named) === key)
  );
}

function findSecrets(classed: ClassedVolume): SecretName[] {
  const { namespace } = classed.volume;
  return Object.values(readParameters(classed)).flatMap((value) => {
    const ref = parseParameterRef(value, namespace);
    return ref ? [{ namespace: ref.namespace, name: ref.name }] : [];
  });
}
