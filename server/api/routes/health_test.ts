import assert from "node:assert/strict";
import { okJson, problemOf } from "../server_fixture.ts";
import { withRunner } from "./instance_fixture.ts";

const ns = "/v1/namespaces/default";

Deno.test("the health of a service is that of its instances by ordinal, and of an instance its own", () =>
  withRunner(async ({ send, addInstance }) => {
    await addInstance(1, { state: "Unhealthy", ready: false, message: "it does not answer" });
    await addInstance(0);
    const { instances, checks } = await okJson(send("GET", `${ns}/services/web/health`));
    assert.deepEqual(instances, [
      { name: "web-0", state: "Running", ready: true },
      { name: "web-1", state: "Unhealthy", ready: false, message: "it does not answer" },
    ]);
    assert.deepEqual(checks, []);
    const one = await okJson(send("GET", `${ns}/instances/web-1/health`));
    assert.deepEqual(one.instances.map(({ name }: { name: string }) => name), ["web-1"]);
  }));

Deno.test("the health of what is not there is not found, and no parameter is taken", () =>
  withRunner(async ({ send }) => {
    await problemOf(send("GET", `${ns}/services/none/health`), "not_found");
    await problemOf(send("GET", `${ns}/instances/web-0/health`), "not_found");
    await problemOf(send("GET", `${ns}/services/web/health?watch=true`), "invalid_argument");
    assert.deepEqual(await okJson(send("GET", `${ns}/services/web/health`)), { instances: [], checks: [] });
  }));
