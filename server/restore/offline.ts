/**
 * What the daemon's side does without a daemon that runs; `main.ts` loads it when a command needs it.
 * @module
 */
import type { Offline } from "../../model/offline.ts";
import { restoreBackup } from "./restore.ts";
import { loadSettings } from "../daemon/settings.ts";

/** See {@linkcode Offline}. */
export const offline: Offline = {
  restore: restoreBackup,
  checkRunefile: async (file) => (await loadSettings({ config: file })).warnings,
};
