/** What the gate reads of a route. The API's endpoints are routes with more to them. @module */
import type { z } from "zod";

/** See the module comment. */
export interface Route {
  method: "get" | "put" | "post" | "delete";
  /** Holds its parameters in braces. */
  path: string;
  query?: z.ZodObject;
  body?: z.ZodType;
}
