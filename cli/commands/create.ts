/** `rune create`: resources from the words of the command line. @module */
import type { Define } from "../command.ts";
import { defineCreateSecret } from "./secret.ts";

/** See the module. */
export const define: Define = (group, cli) => {
  defineCreateSecret(group, cli, "secret");
};
