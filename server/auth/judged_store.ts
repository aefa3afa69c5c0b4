/**
 * The store as routes see it: a spec that a caller could declare is written only after the right to it was asked for. A route
 * that forgets to ask is answered with a fault, and writes nothing.
 * @module
 */
import { sameValue } from "../../model/changes.ts";
import { isCastKind } from "../../model/declared.ts";
import { RuneError } from "../../model/error.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { Store, Tx } from "../../store/store.ts";
import { wasJudged } from "./write_permits.ts";

/** See the module comment. */
export function judgedStore(store: Store): Store {
  return new Proxy(store, {
    get(target, property) {
      if (property === "transact") {
        return <T>(fn: (tx: Tx) => T) => target.transact((tx) => fn(judgedTx(tx)));
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function judgedTx(tx: Tx): Tx {
  const demand = (key: ResourceKey) => {
    if (!isCastKind(key.kind) || wasJudged(judged, key)) return;
    throw new RuneError(
      "internal",
      `${key.kind} ${key.namespace}/${key.name} was to be written without a right`,
      {
        hint: "this is a fault in rune: the route asks nothing of its caller (server/auth/write_permits.ts)",
      },
    );
  };
  const judged: Tx = {
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
  return judged;
}
