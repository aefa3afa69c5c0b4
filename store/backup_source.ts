/**
 * What a backup needs from the store besides resources: a path for the copy of the state, and a check of the
 * key.
 * @module
 */
export { copyPath } from "./copy.ts";
export { checkKek } from "./secrets/check_kek.ts";
