/** The driver that every daemon has. @module */

/**
 * Its volumes are directories of the daemon. It has a trash, and accepts any size. The first storage class
 * uses it, and so do volumes that Rune creates by itself.
 */
export const BUILT_IN_DRIVER = "local";
