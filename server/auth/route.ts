/** The part of an API endpoint that the gate reads. @module */
import type { z } from "zod";

/** A route. */
export interface Route {
  method: "get" | "put" | "post" | "delete";
  /** The path, with parameters in braces. */
  path: string;
  query?: z.ZodObject;
  body?: z.ZodType;
}
