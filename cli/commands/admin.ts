/** `rune admin`: what the operator of a daemon does. @module */
import type { Define } from "../command.ts";
import { defineBackup, defineRestore } from "./backup.ts";

/** See the module. */
export const define: Define = (group, cli) => {
  defineBackup(group, cli);
  defineRestore(group, cli);
};
