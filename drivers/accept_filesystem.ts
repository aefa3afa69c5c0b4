/** The parameter with which an operator accepts a new filesystem for a volume. @module */
import type { SettingDoc } from "./entry.ts";

/** The documentation of the parameter. */
export const ACCEPT_FILESYSTEM: SettingDoc = {
  means:
    "Whether Rune takes whatever filesystem is below the volume now. Without it, Rune waits for the one that the " +
    "volume was made on. It may change while the volume exists.",
  form: '`"true"`, `"false"`',
  default: '`"false"`',
  example: '"true"',
};
