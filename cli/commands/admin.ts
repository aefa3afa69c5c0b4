/**
 * `rune admin`: bootstrap, users, service accounts, tokens, policies, registries, audit log, key encryption
 * key, backups, Docker Engine.
 * @module
 */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { addGlobalFlags, type Define } from "../client/command.ts";
import { defineBackup, defineRestore } from "./backup.ts";
import { defineAdoptEngine } from "./admin/adopt_engine.ts";
import { defineAudit } from "./admin/audit.ts";
import { defineBootstrap } from "./admin/bootstrap.ts";
import { definePolicies } from "./admin/policy.ts";
import { defineRegistries } from "./admin/registry.ts";
import { defineRotateKek } from "./admin/rotate_kek.ts";
import { defineTokens } from "./admin/token.ts";
import { defineServiceAccounts, defineUsers } from "./admin/user.ts";

/** See the module. */
export const define: Define = (group, cli) => {
  addGlobalFlags(group as CommandUnknownOpts);
  defineBootstrap(group, cli);
  const below = (name: string, description: string) =>
    group.command(name).description(description).helpCommand(false);
  defineUsers(below("user", "manage users"), cli);
  defineServiceAccounts(below("service", "manage service accounts"), cli);
  defineTokens(below("token", "manage tokens"), cli);
  definePolicies(below("policy", "manage policies"), cli);
  defineRegistries(below("registry", "manage credentials of image registries"), cli);
  defineAudit(group, cli);
  defineRotateKek(group, cli);
  defineAdoptEngine(group, cli);
  defineBackup(group, cli);
  defineRestore(group, cli);
};
