/** The answer to the question what is still paid for at providers. @module */
import { z } from "zod";

/**
 * What names the account: a storage class, or only volumes with a secret of their own. Whoever may cast a
 * volume chooses the account of the latter, and so what it shows.
 */
const accountOf = z.enum(["storageClass", "volume"]);
export type AccountOf = z.infer<typeof accountOf>;

/** `GET /v1/volumes/orphans`. */
export const orphansSchema = z.object({
  /** The name of this installation, whose volumes are listed. */
  installation: z.string(),
  /** When the providers had answered: at most ten seconds ago. RFC 3339. */
  listedAt: z.string(),
  /** By the volume for which each was created; those in accounts of storage classes first. */
  items: z.array(z.object({
    namespace: z.string(),
    name: z.string(),
    uid: z.string(),
    driver: z.string(),
    handle: z.string(),
    /** Its name at the provider. */
    providerName: z.string(),
    region: z.string(),
    /** As the provider counts and bills it. */
    sizeGb: z.number(),
    /** Whether a machine has it attached. */
    attached: z.boolean(),
    /** RFC 3339. */
    createdAt: z.string().optional(),
    /** The declaration that names the account: `storage class fast`. */
    source: z.string(),
    accountOf,
  })),
  /** The size of the items in accounts of storage classes. */
  totalGb: z.number(),
  /** The size of the items in accounts that only volumes name. */
  volumeAccountsGb: z.number(),
  /** What other installations have in the same accounts. Only they know what they use. */
  otherInstallations: z.array(z.object({
    installation: z.string(),
    accountOf,
    volumes: z.number().int(),
    sizeGb: z.number(),
  })),
  /** The classes and volumes whose accounts were asked. */
  asked: z.array(z.string()),
  /** Those whose accounts were not. Then the list may lack something. */
  skipped: z.array(z.object({
    source: z.string(),
    message: z.string(),
    hint: z.string().optional(),
  })),
});
export type Orphans = z.infer<typeof orphansSchema>;
export type Orphan = Orphans["items"][number];
