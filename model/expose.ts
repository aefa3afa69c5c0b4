/**
 * Exposure: how a service is reached from outside of its network. A host port is one instance's and carries any protocol; a host
 * name leads to every ready instance and carries HTTP (seed 003, SPEC 3).
 * @module
 */
import { isIP } from "node:net";
import { z } from "zod";
import { portRefSchema } from "./health.ts";
import { LIMITS, textUpTo } from "./limits.ts";

const HOST = /^(?=.{1,253}$)([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** A host name as browsers ask for it: no scheme, port, path, address or wildcard. Upper case becomes lower case. */
const hostSchema = textUpTo(LIMITS.name).toLowerCase().regex(HOST, {
  error: "expected a host name such as api.local, without scheme, port or path",
});

/** An address of the machine: the only one on which a port is published. */
const hostAddressSchema = textUpTo(LIMITS.name).refine((text) => isIP(text) !== 0, {
  error: "expected an IP address of this machine, such as 127.0.0.1",
});

export const exposeSchema = z.strictObject({
  port: portRefSchema,
  host: hostSchema.optional(),
  hostPort: z.number().int().min(1).max(65_535).optional(),
  hostAddress: hostAddressSchema.optional(),
});

export type Expose = z.infer<typeof exposeSchema>;

/** Where a service's host name leads, as the proxy last said. */
export const exposureSchema = z.object({
  /** The name that this speaks of. */
  host: z.string(),
  /** Under which addresses it is reached, the plainest first; none when it is not. */
  urls: z.array(z.string()),
  /** Why not, and what to do. */
  message: z.string().optional(),
});
export type Exposure = z.infer<typeof exposureSchema>;
