/** System directories of the host. @module */

/** No volume may be one of these, lie inside one, or contain one. */
export const SYSTEM_DIRECTORIES: readonly string[] = ["/etc", "/proc", "/sys", "/dev", "/run", "/boot"];
