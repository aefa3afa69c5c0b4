import assert from "node:assert/strict";
import type { AdoptionWords } from "../../../runners/engine_bond.ts";
import { RuneError } from "../../../model/error.ts";
import { problemOf, withServer } from "../server_fixture.ts";
import { withRunner } from "./instance_fixture.ts";

const PATH = "/v1/admin/adopt-engine";

Deno.test("adopt-engine passes a person's words on, and answers with the Engine that was taken", async () => {
  const heard: AdoptionWords[] = [];
  await withRunner(async ({ send }) => {
    const answer = await send("POST", PATH, { containersAreGone: true });
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.deepEqual(await answer.json(), { changed: true, id: "e", root: "/var/lib/docker" });
    assert.deepEqual(heard, [{ containersAreGone: true, takeOver: false }]);
    const { issues } = await problemOf(send("POST", PATH, { containersAreGone: "yes" }), "invalid_argument");
    assert.deepEqual(issues![0]!.path, ["containersAreGone"]);
    assert.equal(heard.length, 1);
  }, {
    adopt(words) {
      heard.push(words);
      return Promise.resolve({ changed: true, id: "e", root: "/var/lib/docker" });
    },
  });
});

Deno.test("adopt-engine says so where there is no Engine, and repeats what the Engine's judge says", async () => {
  await withServer(async ({ send }) => {
    await problemOf(send("POST", PATH, {}), "failed_precondition");
  });
  const refusal = new RuneError("failed_precondition", "its containers may still run", { hint: "say so" });
  await withRunner(async ({ send }) => {
    const { detail, hint } = await problemOf(send("POST", PATH, {}), "failed_precondition");
    assert.deepEqual([detail, hint], [refusal.message, "say so"]);
  }, { adopt: () => Promise.reject(refusal) });
});
