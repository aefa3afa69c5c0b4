/**
 * The store that routes get. It refuses to write a spec unless the caller's right to it was checked in the
 * same transaction, so a route that forgets the check fails and writes nothing.
 * @module
 */
import { sameValue } from "../../model/changes.ts";
import { isCastKind } from "../../model/declared.ts";
import { RuneError } from "../../model/error.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { Store, Tx } from "../../store/store.ts";
import { isAuthorized } from "./write_permits.ts";

/** Wraps a store as the module comment says. */
export function authorizedStore(store: Store): Store {
  return new Proxy(store, {
    get(target, property) {
      if (property === "transact") {
        return <T>(fn: (tx: Tx) => T) => target.transact((tx) => fn(authorizedTx(tx)));
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function authorizedTx(tx: Tx): Tx {
  const demand = (key: ResourceKey) => {
    if (!isCastKind(key.kind) || isAuthorized(authorized, key)) return;
    throw new RuneError(
      "internal",
      `${key.kind} ${key.namespace}/${key.name} was about to be written without a check of rights`,
      {
        hint:
          "this is a bug in rune: the route does not check its caller's rights (server/auth/write_permits.ts)",
      },
    );
  };
  const authorized: Tx = {
    now: tx.now,
    get: (kind, namespace, name) => tx.get(kind, namespace, name),
    list: (kind, namespace) => tx.list(kind, namespace),
    create(resource) {
      demand(resource);
      return tx.create(resource);
    },
    update(resource, changes, options) {
      const { kind, namespace, name } = resource;
      const current = tx.get(kind, namespace, name);
      if (changes.spec !== undefined && !sameValue(changes.spec, current?.spec)) demand(resource);
      if (changes.name !== undefined) demand({ kind, namespace, name: changes.name });
      return tx.update(resource, changes, options);
    },
    remove: (key) => tx.remove(key),
  };
  return authorized;
}
