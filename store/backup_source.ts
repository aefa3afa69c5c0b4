/**
 * What a backup needs of the store beyond resources: a place for the copy of the state, and whether a key
 * opens it.
 * @module
 */
export { copyPath } from "./copy.ts";
export { checkKek } from "./secrets/check_kek.ts";
