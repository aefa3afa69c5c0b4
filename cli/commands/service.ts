/** `rune service`: list, get, delete. @module */
import { KINDS } from "../../model/kinds.ts";
import type { Define } from "../client/command.ts";
import { defineDelete } from "./delete.ts";
import { defineListAndGet } from "./get.ts";

/** See the module. */
export const define: Define = (group, cli) => {
  defineListAndGet(group, cli, KINDS.service);
  defineDelete(group, cli, KINDS.service);
};
