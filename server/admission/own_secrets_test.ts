import assert from "node:assert/strict";
import { service, template, type TestServer, volume } from "../api/server_fixture.ts";
import { type GuardedServer, withGuard } from "../auth/auth_fixture.ts";

type Resource = Parameters<TestServer["cast"]>[0][number];
const SHARED = { apiToken: "secret:api.shared.rune/token" };
const cloud = (parameters: object = {}): Resource => [
  "storageClass",
  { name: "cloud", driver: "do-volume", parameters: { region: "nyc3", ...parameters } },
];
const own = (name: string, parameters: object) => volume(name, { storageClassName: "cloud", parameters });
const inTemplate = (name: string, parameters: object) =>
  service(name, { scale: 0, volumes: [template({ storageClassName: "cloud", parameters })] });

/** Casts into the namespace `dev`, and returns the status and the text. */
async function castAs({ as }: GuardedServer, token: string, [kind, body]: Resource) {
  const resources = [{ kind, body: { ...kind !== "storageClass" && { namespace: "dev" }, ...body } }];
  const answer = await as(token, "POST", "/v1/cast", { resources });
  return { status: answer.status, text: await answer.text() };
}

Deno.test("only who may change classes gives a volume or a template another secret than its class's", () =>
  withGuard(async (server) => {
    const { root } = server;
    const dev = await server.someone("dev", ["cast"], "dev");
    await castAs(server, root, cloud(SHARED));
    for (const declare of [own, inTemplate]) {
      for (const apiToken of ["dop_v1_1", "secret:mine/token"]) {
        const forbidden = await castAs(server, dev, declare("a", { apiToken }));
        assert.equal(forbidden.status, 403, forbidden.text);
        assert.match(forbidden.text, /may not update storageclasses.*leave out apiToken/s);
      }
      const free = await castAs(server, dev, declare("free", {}));
      assert.equal(free.status, 200, free.text);
      // What somebody with the right wrote may be cast again, and not be exchanged.
      const written = declare("b", { apiToken: "secret:mine/token" });
      assert.equal((await castAs(server, root, written)).status, 200);
      assert.equal((await castAs(server, dev, written)).status, 200);
      const exchanged = await castAs(server, dev, declare("b", { apiToken: "secret:other/token" }));
      assert.equal(exchanged.status, 403, exchanged.text);
    }
  }));

Deno.test("a class without a secret, or with one of each namespace, leaves the choice to the namespace", () =>
  withGuard(async (server) => {
    const { root } = server;
    const dev = await server.someone("dev", ["cast"], "dev");
    const assertCast = async (resource: Resource, expected = 200) => {
      const { status, text } = await castAs(server, dev, resource);
      assert.equal(status, expected, text);
    };
    await castAs(server, root, cloud());
    await assertCast(own("a", { apiToken: "dop_v1_1" }));
    await assertCast(inTemplate("a", { apiToken: "secret:mine/token" }));
    await castAs(server, root, cloud({ apiToken: "secret:mine/token" }));
    // The same secret, in both ways to write it.
    await assertCast(own("b", { apiToken: "secret:mine/token" }));
    await assertCast(own("c", { apiTokenSecretRef: "dev/mine" }));
    await assertCast(own("d", { apiToken: "secret:other/token" }), 403);
    // What the class allowed when it was written stays, but does not reach further.
    await assertCast(own("a", { apiToken: "dop_v1_1" }));
    await assertCast(own("a", { apiToken: "dop_v1_2" }), 403);
  }));

Deno.test("while its class is away, a volume keeps its secret: the rights for another one are unknown", () =>
  withGuard(async (server) => {
    const { root } = server;
    const dev = await server.someone("dev", ["cast"], "dev");
    const planted = { volumeId: "506f78a4-e098-11e5-ad9f-000f53306ae1", apiToken: "dop_v1_1" };
    await castAs(server, root, cloud());
    assert.equal((await castAs(server, dev, own("a", planted))).status, 200);
    const gone = await server.as(root, "DELETE", "/v1/storageclasses/cloud?cascade=true");
    assert.equal(gone.status, 200, await gone.text());
    const { apiToken: _, ...without } = planted;
    for (const parameters of [without, { ...without, ...{ apiToken: "secret:mine/token" } }]) {
      const refused = await castAs(server, dev, own("a", parameters));
      assert.equal(refused.status, 400, refused.text);
      assert.match(refused.text, /apiToken: cannot change while this daemon lacks storage class cloud/);
    }
    assert.equal((await castAs(server, dev, own("a", planted))).status, 200);
  }));
