/** The answer to the question what is still paid for at providers. @module */
import { z } from "zod";

/** `GET /v1/volumes/orphans`. */
export const orphansSchema = z.object({
  /** The name of this installation, whose volumes are listed. */
  installation: z.string(),
  /** By the volume for which each was created. */
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
  })),
  totalGb: z.number(),
  /** What other installations have in the same accounts. Only they know what they use. */
  otherInstallations: z.array(z.object({
    installation: z.string(),
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
