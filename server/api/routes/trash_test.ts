import assert from "node:assert/strict";
import type { Driver, TrashEntry } from "../../../drivers/driver.ts";
import { ANNOTATIONS } from "../../../model/marks.ts";
import { makeVolume } from "../../../reconcile/testing/resources.ts";
import { nodeDrivers, noteCalls } from "../../../node/testing/drivers.ts";
import { makeNodes } from "../../../node/testing/partial_nodes.ts";
import { createApp } from "../app.ts";
import { okJson, problemOf, type TestServer, withServer } from "../server_fixture.ts";

const entry = (id: string, deletedAt: string, more: Partial<TrashEntry> = {}): TrashEntry => ({
  id,
  namespace: "default",
  name: "v",
  uid: `uid-${id}`,
  deletedAt,
  purgeAt: "2026-12-01T00:00:00.000Z",
  record: { labels: { app: "x" }, spec: { ...makeVolume().spec, size: "3Gi" } },
  ...more,
});

/** Runs a test with a driver whose trash has these entries. */
const withTrash = (
  entries: TrashEntry[],
  test: (server: TestServer) => Promise<void>,
) =>
  withServer(async (server) => {
    const driver = { ...noteCalls("local").driver, listTrash: () => Promise.resolve(entries) } as Driver;
    const drivers = nodeDrivers([driver]);
    const app = createApp({ ...server.deps, drivers, nodes: makeNodes({ drivers }) });
    await test({
      ...server,
      send: async (method, path, body) =>
        await app.request(path, {
          method,
          headers: { "content-type": "application/json" },
          body: body === undefined ? undefined : JSON.stringify(body),
        }, { peer: "127.0.0.1" }),
    });
  });

const UNDELETE = "/v1/namespaces/default/volumes/v/actions/undelete";
const OLD = entry("old", "2026-01-01T00:00:00.000Z");
const NEW = entry("new", "2026-02-01T00:00:00.000Z");

Deno.test("the trash is listed latest first, of one namespace or of all, without what it keeps of the spec", () =>
  withTrash(
    [OLD, NEW, entry("shop", "2026-03-01T00:00:00.000Z", { namespace: "shop" })],
    async ({ send }) => {
      const ids = async (path: string) =>
        (await okJson(send("GET", path))).items.map(({ id }: { id: string }) => id);
      assert.deepEqual(await ids("/v1/trash"), ["shop", "new", "old"]);
      assert.deepEqual(await ids("/v1/namespaces/default/trash"), ["new", "old"]);
      const [first] = (await okJson(send("GET", "/v1/namespaces/default/trash"))).items;
      assert.deepEqual([first.size, first.driver, first.record], ["3Gi", "local", undefined]);
    },
  ));

Deno.test("undelete makes the volume anew as it was, to be provisioned from the latest entry or the one named", () =>
  withTrash([OLD, NEW], async ({ send, store }) => {
    const made = await okJson(send("POST", UNDELETE, {}), 201);
    assert.equal(made.annotations[ANNOTATIONS.undeleteFrom], "new");
    assert.deepEqual([made.spec.size, made.labels, made.status.state, made.status.driver], [
      "3Gi",
      { app: "x" },
      "Pending",
      "local",
    ]);
    const revision = store.revision;
    await problemOf(send("POST", UNDELETE, { id: "old" }), "already_exists");
    assert.equal(store.revision, revision);
  }));

Deno.test("undelete refuses what the trash does not have, and says what it has", () =>
  withTrash(
    [OLD, entry("bare", "2025-01-01T00:00:00.000Z", { name: "w", record: undefined })],
    async (server) => {
      const { send, store } = server;
      const revision = store.revision;
      const { hint } = await problemOf(send("POST", UNDELETE, { id: "other" }), "not_found");
      assert.match(hint!, /it has old \(deleted 2026-01-01/);
      await problemOf(
        send("POST", "/v1/namespaces/default/volumes/absent/actions/undelete", {}),
        "not_found",
      );
      const unknown = await problemOf(
        send("POST", "/v1/namespaces/default/volumes/w/actions/undelete", {}),
        "failed_precondition",
      );
      assert.match(unknown.hint!, /trash entry bare/);
      assert.equal(store.revision, revision);
    },
  ));
