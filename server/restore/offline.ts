/** Commands of the daemon that need no running daemon. `main.ts` loads them on demand. @module */
import type { Offline } from "../../model/offline.ts";
import { restoreBackup } from "./restore.ts";
import { loadSettings } from "../daemon/settings.ts";

/** The implementation of {@linkcode Offline}. */
export const offline: Offline = {
  restore: restoreBackup,
  checkRunefile: async (file) => (await loadSettings({ config: file })).warnings,
};
