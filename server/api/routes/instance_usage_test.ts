import assert from "node:assert/strict";
import { RuneError } from "../../../model/error.ts";
import { okJson, problemOf } from "../server_fixture.ts";
import { withRunner } from "./instance_fixture.ts";

Deno.test("usage is of the instances that are ready, and leaves out what cannot be read", async () => {
  const asked: string[] = [];
  let lost = "";
  await withRunner(async ({ send, addInstance }) => {
    const first = await addInstance(0);
    lost = (await addInstance(1)).uid;
    await addInstance(2, { ready: false });
    const { items } = await okJson(send("GET", "/v1/usage/instances"));
    assert.deepEqual(items, [
      { uid: first.uid, namespace: "default", name: "web-0", milliCpu: 250, memoryBytes: 1024 },
    ]);
    assert.deepEqual(asked.sort(), [first.uid, lost].sort());
    assert.deepEqual(await okJson(send("GET", "/v1/usage/instances?namespace=shop")), { items: [] });
    await problemOf(send("GET", "/v1/usage/instances?name=web"), "invalid_argument");
  }, {
    stats({ instanceUid }) {
      asked.push(instanceUid);
      return instanceUid === lost
        ? Promise.reject(new RuneError("unavailable", "the runner is away"))
        : Promise.resolve({ milliCpu: 250, memoryBytes: 1024 });
    },
  });
});

Deno.test("usage is empty where the runner cannot tell", () =>
  withRunner(async ({ send, addInstance }) => {
    await addInstance(0);
    assert.deepEqual(await okJson(send("GET", "/v1/usage/instances")), { items: [] });
  }));
