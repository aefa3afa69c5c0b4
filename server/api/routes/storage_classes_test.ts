import assert from "node:assert/strict";
import { withGuard } from "../../auth/auth_fixture.ts";
import { okJson, problemOf, withServer } from "../server_fixture.ts";

const setDefault = (name: string) => `/v1/storageclasses/${name}/actions/set-default`;

Deno.test("set-default gives the mark to one class and takes it from the other", () =>
  withServer(async ({ send, store }) => {
    assert.equal((await okJson(send("POST", setDefault("local-host")))).spec.default, true);
    const listDefaults = () => store.list("storageClass").filter((c) => c.spec.default).map((c) => c.name);
    assert.deepEqual(listDefaults(), ["local-host"]);
    const revision = store.revision;
    await okJson(send("POST", setDefault("local-host")));
    await problemOf(send("POST", setDefault("absent")), "not_found");
    assert.deepEqual([listDefaults(), store.revision], [["local-host"], revision]);
  }));

Deno.test("set-default needs its own right: who may write classes has not got it", () =>
  withGuard(async ({ root, as, someone, store }) => {
    const rules = [{ resource: "storageclasses", verbs: ["get", "list", "create", "update"] }];
    await okJson(as(root, "POST", "/v1/admin/policies", { name: "writer", rules }), 201);
    const ann = await someone("ann", ["writer"]);
    await problemOf(as(ann, "POST", setDefault("local-host")), "permission_denied");
    assert.equal(store.get("storageClass", "", "local")!.spec.default, true);
  }));
