/** The name of an installation: who decides it, and when it stays. @module */
import assert from "node:assert/strict";
import { openStore, type Store } from "../../store/store.ts";
import { openInstallation, renameInstallation } from "./installation.ts";

async function withStore(test: (store: Store) => Promise<void>): Promise<void> {
  const dataDir = await Deno.makeTempDir();
  const store = await openStore({ dataDir });
  try {
    await test(store);
  } finally {
    await store.close();
    await Deno.remove(dataDir, { recursive: true });
  }
}

const nameOf = async (store: Store, name: string, installation?: string) =>
  (await openInstallation(store, { name, ...(installation !== undefined && { installation }) })).name;

Deno.test("openInstallation() follows the runefile and the node's name until the name is used", () =>
  withStore(async (store) => {
    assert.equal(await nameOf(store, "web-1"), "web-1");
    assert.equal(await nameOf(store, "web 1"), "web%201");
    assert.equal(await nameOf(store, "web-1", "shop"), "shop");
    assert.equal(await nameOf(store, "web-1", "store"), "store");
    assert.equal(await nameOf(store, "web-2"), "web-2");
  }));

Deno.test("openInstallation() keeps a used name when the host is renamed, and refuses another one", () =>
  withStore(async (store) => {
    const installation = await openInstallation(store, { name: "web-1" });
    await Promise.all([installation.keep(), installation.keep()]);
    assert.equal(await nameOf(store, "renamed"), "web-1");
    assert.equal(await nameOf(store, "renamed", "web-1"), "web-1");
    await assert.rejects(nameOf(store, "web-1", "shop"), (error: Error & { code: string; hint: string }) => {
      assert.equal(error.code, "failed_precondition");
      assert.match(error.message, /node\.installation is shop, .* names of web-1/);
      assert.match(error.hint, /set node\.installation: web-1, or remove it/);
      return true;
    });
  }));

Deno.test("openInstallation() writes nothing that is stored already, so a daemon with a full disk starts", () =>
  withStore(async (store) => {
    const full = {
      getMeta: (key: string) => store.getMeta(key),
      putMeta: () => Promise.reject(new Error("disk full")),
    };
    const node = { name: "web-1", installation: "shop" };
    await assert.rejects(openInstallation(full, node), /disk full/);
    const installation = await openInstallation(store, node);
    assert.equal((await openInstallation(full, node)).name, "shop");
    await installation.keep();
    await (await openInstallation(full, node)).keep();
    await (await openInstallation(full, { name: "web-1" })).keep();
  }));

Deno.test("keep() of an installation stores the name again after a failure", () =>
  withStore(async (store) => {
    let full = true;
    const flaky = {
      getMeta: (key: string) => store.getMeta(key),
      putMeta: (key: string, value: unknown) =>
        full ? Promise.reject(new Error("disk full")) : store.putMeta(key, value),
    };
    const installation = await openInstallation(flaky, { name: "web-1" });
    await assert.rejects(installation.keep(), /disk full/);
    assert.equal(await nameOf(store, "web-2"), "web-2");
    full = false;
    await installation.keep();
    assert.equal(await nameOf(store, "web-2"), "web-1");
  }));

Deno.test("renameInstallation() gives a copy another name than any its original has or may take", () =>
  withStore(async (store) => {
    const copy = { original: "web-1", daemonId: "0123456789ab" };
    await renameInstallation(store, { ...copy, node: { name: "web-1" } });
    assert.equal(await nameOf(store, "web-1"), "web-1-copy-01234567");
    await openInstallation(store, { name: "web-1", installation: "web-1-copy-01234567" });
  }).then(() =>
    withStore(async (store) => {
      const copy = { original: "web-1", daemonId: "0123456789ab" };
      // The runefile of the original set a name, which it has not used yet.
      await openInstallation(store, { name: "web-1", installation: "shop" });
      await assert.rejects(
        renameInstallation(store, { ...copy, node: { name: "web-1", installation: "shop" } }),
        { code: "failed_precondition" },
      );
      await assert.rejects(
        renameInstallation(store, { ...copy, node: { name: "web-1", installation: "web-1" } }),
        { code: "failed_precondition" },
      );
      assert.equal(await nameOf(store, "web-1", "shop"), "shop");
      await renameInstallation(store, { ...copy, node: { name: "web-1", installation: "other" } });
      assert.equal(await nameOf(store, "web-1"), "other");
      await assert.rejects(nameOf(store, "web-1", "shop"), { code: "failed_precondition" });
    })
  ));
