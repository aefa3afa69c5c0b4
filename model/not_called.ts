/** The error of a call that never reached its driver. @module */
import { RuneError } from "./error.ts";

/** A call was not made, so nothing came of it. */
export class NotCalled extends RuneError {
  constructor(cause: RuneError) {
    const { code, message, hint, permanent } = cause;
    super(code, message, { ...(hint !== undefined && { hint }), permanent, cause });
  }
}
