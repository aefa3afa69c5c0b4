/** The parameters of the driver in storage classes and volumes. @module */
import type { FieldIssue } from "../../model/error.ts";
import { RuneError } from "../../model/error.ts";
import type { FsType } from "../devices.ts";
import type { ParameterDocs } from "../entry.ts";

/** The documentation of the parameters. */
export const DO_VOLUME_PARAMETERS = {
  region: {
    means: "The region of its volumes, which must be that of the droplet. Required.",
    form: "a region of DigitalOcean",
    default: "none",
    example: "nyc3",
  },
  fsType: {
    means: "The filesystem that Rune makes on a new volume.",
    form: "`ext4` or `xfs`",
    default: "`ext4`",
    example: "xfs",
  },
  apiToken: {
    means:
      "The token for DigitalOcean's API. Required. Prefer a reference: Rune shows a token itself to nobody, but stores it unencrypted.",
    form: "a reference to a secret, or the token itself",
    default: "none",
    example: "secret:do-api-token.shared.rune/token",
    secret: true,
  },
  apiTokenSecretRef: {
    means: "Another way to write `apiToken`: the key `token` of this secret.",
    form: "`<namespace>/<secret>`",
    default: "none",
    example: "shared/do-api-token",
  },
  volumeId: {
    means:
      "Uses this volume of the account, with its data, instead of a new one. Rune never formats it, and " +
      "grows it if it is smaller than `size`.",
    form: "the id of a volume at DigitalOcean",
    default: "none",
    example: "506f78a4-e098-11e5-ad9f-000f53306ae1",
  },
} as const satisfies ParameterDocs;

/** The parameters of a call. */
export interface DoVolumeParameters {
  region: string;
  fsType: FsType;
  token: string;
  volumeId?: string;
}

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Finds wrong parameters. A token may be a reference to a secret. */
export function findWrong(parameters: Readonly<Record<string, string>>): FieldIssue[] {
  const { region, fsType = "ext4", apiToken, volumeId } = parameters;
  const issues: FieldIssue[] = [];
  if (region === undefined) {
    issues.push({
      path: ["region"],
      message: "required: the region of the volumes",
      hint: "the region of this droplet, such as nyc3: volumes cannot leave it",
    });
  } else if (!SLUG.test(region)) {
    issues.push({ path: ["region"], message: `expected a region such as nyc3, found "${region}"` });
  }
  if (fsType !== "ext4" && fsType !== "xfs") {
    issues.push({ path: ["fsType"], message: `expected ext4 or xfs, found "${fsType}"` });
  }
  if (apiToken === undefined || apiToken === "") {
    issues.push({
      path: ["apiToken"],
      message: "required: the token for DigitalOcean's API",
      hint: "write apiToken: secret:<name>.<namespace>.rune/token",
    });
  }
  if (volumeId !== undefined && !UUID.test(volumeId)) {
    issues.push({
      path: ["volumeId"],
      message: `expected the id of a volume, found "${volumeId}"`,
      hint: "see doctl compute volume list",
    });
  }
  return issues;
}

/** Reads the resolved parameters of a call. @throws {RuneError} `invalid_argument` if they are wrong. */
export function readParameters(parameters: Readonly<Record<string, string>>): DoVolumeParameters {
  const [wrong] = findWrong(parameters);
  if (wrong) {
    throw new RuneError("invalid_argument", `dovolume: ${wrong.path.join(".")}: ${wrong.message}`, {
      hint: wrong.hint,
      permanent: true,
    });
  }
  const { region, fsType = "ext4", apiToken, volumeId } = parameters;
  const token = apiToken!.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new RuneError(
      "failed_precondition",
      "dovolume: apiToken is no token: it has spaces or other characters",
      {
        hint: "see the secret that apiToken names",
        permanent: false,
      },
    );
  }
  return {
    region: region!,
    fsType: fsType as FsType,
    token,
    ...(volumeId !== undefined && { volumeId }),
  };
}
