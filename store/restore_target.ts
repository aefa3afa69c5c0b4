/**
 * What a restore needs from the store: a locked data directory, its files, and the keys that open a state.
 * @module
 */
export { lockDataDir } from "./lock.ts";
export { ensureDataDir, hasState, markMade, removeRestored, restoringPath, statePath } from "./state_file.ts";
export { checkKek, neededKeks, type SealedState } from "./secrets/check_kek.ts";
export { type Kek, type KekSource, parseKek, readKekFile } from "./secrets/kek.ts";
