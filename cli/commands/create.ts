/** `rune create`: creates resources from flags. @module */
import type { Define } from "../client/command.ts";
import { defineCreateConfigMap } from "./configmap.ts";
import { defineCreateSecret } from "./secret.ts";

/** See the module. */
export const define: Define = (group, cli) => {
  defineCreateConfigMap(group, cli, "configmap");
  defineCreateSecret(group, cli, "secret");
};
