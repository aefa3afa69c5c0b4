/** The driver that every daemon has. @module */

/**
 * Its volumes are directories of the daemon's own, it keeps what is deleted in a trash, and it takes any
 * size. Volumes that Rune makes by itself use it, and the first storage class.
 */
export const BUILT_IN_DRIVER = "local";
