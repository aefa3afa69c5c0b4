/**
 * A world for the tests of single rules: the store and the drivers of a test server, whose daemon is not
 * root.
 * @module
 */
import { parseDeclared } from "../../model/declared.ts";
import { Exposures } from "../../model/exposing.ts";
import type { ServiceSpec } from "../../model/service.ts";
import type { TestServer } from "../api/server_fixture.ts";
import { readHostAccounts } from "../auth/host_accounts.ts";
import type { Viewer } from "../auth/visibility.ts";
import type { World } from "./world.ts";

/** Somebody who may see everything. */
export const SEES_ALL: Viewer = { may: () => true };
/** Somebody who may see nothing. */
export const SEES_NOTHING: Viewer = { may: () => false };

/** A world with nothing declared, whose caller sees everything. */
export function makeWorld({ store, deps }: TestServer, more: Partial<World> = {}): World {
  return {
    state: store,
    drivers: deps.drivers,
    secretLimits: deps.secretLimits,
    viewer: SEES_ALL,
    accounts: readHostAccounts(),
    root: false,
    declaredClasses: new Set(),
    privateMounts: false,
    closed: [],
    containsProcesses: true,
    exposed: new Exposures(store.list("service")),
    ports: { reserved: [] },
    ...more,
  };
}

/** The spec of a service of the namespace `default`, with its defaults. */
export function parseService(fields: Record<string, unknown>): ServiceSpec {
  const result = parseDeclared("service", { name: "web", ...fields }, { namespace: "default" });
  if ("issues" in result) throw new Error(JSON.stringify(result.issues));
  return result.declared.spec as ServiceSpec;
}
