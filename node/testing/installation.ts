/** An installation for tests. @module */
import type { Installation } from "../installation.ts";

/** Creates an installation whose name is kept already. */
export const fixedInstallation = (name: string): Installation => ({ name, keep: () => Promise.resolve() });
