/** Directories of the host that are the system itself. @module */

/** None of these is ever a volume, nor what lies in one, nor what holds one. */
export const SYSTEM_DIRECTORIES: readonly string[] = ["/etc", "/proc", "/sys", "/dev", "/run", "/boot"];
