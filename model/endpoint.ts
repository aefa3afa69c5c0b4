/** The default address of the daemon. @module */

/** Where a client looks for the daemon by default. */
export const DEFAULT_SERVER = "http://127.0.0.1:7861";
