import assert from "node:assert/strict";
import { RuneError } from "../../../model/error.ts";
import { okJson, problemOf, withServer } from "../server_fixture.ts";
import { withRunner } from "./instance_fixture.ts";

const PATH = "/v1/images/describe";

Deno.test("images are described in the order of asking, and one that is not here is no failure", () =>
  withRunner(async ({ send }) => {
    const { items } = await okJson(send("POST", PATH, { images: ["db:1", "absent:1", "!!"] }));
    assert.deepEqual(items, [
      { image: "db:1", here: true, volumes: ["/data"], healthcheck: false },
      { image: "absent:1", here: false, volumes: [], healthcheck: false },
      { image: "!!", here: false, volumes: [], healthcheck: false },
    ]);
    const { issues } = await problemOf(send("POST", PATH, { images: [""] }), "invalid_argument");
    assert.deepEqual(issues![0]!.path, ["images", 0]);
  }, {
    describeImage(image) {
      if (image === "db:1") return Promise.resolve({ volumes: ["/data"] } as never);
      const code = image === "!!" ? "invalid_argument" : "not_found";
      return Promise.reject(new RuneError(code, `no ${image}`));
    },
  }));

Deno.test("images are not said to be absent by an Engine that does not answer, or is not there", async () => {
  await withRunner(async ({ send }) => {
    await problemOf(send("POST", PATH, { images: ["db:1"] }), "unavailable");
  }, { describeImage: () => Promise.reject(new RuneError("unavailable", "it is away")) });
  await withServer(async ({ send }) => {
    await problemOf(send("POST", PATH, { images: ["db:1"] }), "failed_precondition");
  });
});
