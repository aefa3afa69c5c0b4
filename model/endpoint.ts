/** Where the daemon listens unless told otherwise. @module */

/** Where a client looks for the daemon when nothing says otherwise. */
export const DEFAULT_SERVER = "http://127.0.0.1:7861";
