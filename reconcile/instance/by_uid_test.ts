import assert from "node:assert/strict";
import { withStore } from "../../store/store_fixture.ts";
import { makeInstance, makeService } from "../testing/resources.ts";
import { followInstances } from "./by_uid.ts";

Deno.test("followInstances() finds an instance under its new name, and its successor under the old one", () =>
  withStore(async ({ store }) => {
    const { spec, status } = makeInstance(makeService(), 0);
    const create = (name: string) =>
      store.transact((tx) => tx.create({ kind: "instance", namespace: "default", name, spec, status }));
    const old = await create("web-0");
    const instances = followInstances(store);
    const next = await create("web-0-next");
    assert.equal(instances.find(old.uid)?.name, "web-0");
    assert.equal(instances.find(next.uid)?.name, "web-0-next");
    await store.transact((tx) => {
      tx.remove(old);
      tx.update(tx.get("instance", "default", "web-0-next")!, { name: "web-0" });
    });
    assert.equal(instances.find(old.uid), undefined);
    assert.equal(instances.find(next.uid)?.name, "web-0");
    await store.transact((tx) => tx.remove({ kind: "instance", namespace: "default", name: "web-0" }));
    assert.equal(instances.find(next.uid), undefined);
    instances.close();
  }));
