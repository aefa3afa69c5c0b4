/** The parameter by which an operator takes the filesystem that is there now for a volume's own. @module */
import type { SettingDoc } from "./entry.ts";

/** See the module comment. */
export const ACCEPT_FILESYSTEM: SettingDoc = {
  means:
    "Whether Rune takes whatever filesystem is below the volume now. Without it, Rune waits for the one that the " +
    "volume was made on. It may change while the volume exists.",
  form: '`"true"`, `"false"`',
  default: '`"false"`',
  example: '"true"',
};
