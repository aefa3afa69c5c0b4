/**
 * The schema of `expose`: how a service is reached from outside its network. A host port belongs to one
 * instance and carries any protocol. A host name leads to every ready instance and carries HTTP.
 * @module
 */
import { isIP } from "node:net";
import { z } from "zod";
import { portRefSchema } from "./health.ts";
import { textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";

const HOST = /^(?=.{1,253}$)([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * A host name as a browser asks for it: no scheme, port, path, address or wildcard. It is stored in lower
 * case.
 */
const hostSchema = textUpTo(LIMITS.name).toLowerCase().regex(HOST, {
  error: "expected a host name such as api.local, without scheme, port or path",
});

/** An address of this machine on which a port is published, instead of all of them. */
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

/** Where a service's host name leads, as the proxy last reported. */
export const exposureSchema = z.object({
  /** The host name. */
  host: z.string(),
  /** Addresses at which it can be reached, simplest first; empty if there are none. */
  urls: z.array(z.string()),
  /** Why it cannot be reached, and what to do. */
  message: z.string().optional(),
});
export type Exposure = z.infer<typeof exposureSchema>;
