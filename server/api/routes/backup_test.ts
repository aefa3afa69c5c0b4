import assert from "node:assert/strict";
import { readBackup } from "../../backup/format.ts";
import { okJson, problemOf, volume, withServer } from "../server_fixture.ts";

const PATH = "/v1/admin/backup";

Deno.test("a backup is a whole archive of the state, with the key only where it is asked for", () =>
  withServer(async ({ send, cast }) => {
    await okJson(cast([["secret", { name: "s", data: { a: "hidden-value" } }]]));
    const filesOf = async (body: object) => {
      const answer = await send("POST", PATH, body);
      assert.equal(answer.headers.get("content-type"), "application/gzip");
      const files: string[] = [];
      await readBackup(answer.body!, {
        async onFile(name, data) {
          files.push(name);
          for await (const _ of data);
        },
      });
      return files;
    };
    const plain = await filesOf({});
    const withKek = await filesOf({ withKek: true });
    assert.ok(plain.length > 0);
    assert.deepEqual(withKek.filter((name) => !plain.includes(name)).length, 1);
  }));

Deno.test("a backup is refused with volumes that are not there or have no data, before anything is sent", () =>
  withServer(async ({ send, cast }) => {
    const { issues } = await problemOf(send("POST", PATH, { volumes: ["v"] }), "invalid_argument");
    assert.deepEqual(issues![0]!.path, ["volumes", 0]);
    await problemOf(send("POST", PATH, { volumes: ["default/none"] }), "not_found");
    await okJson(cast([volume("v")]));
    const { detail } = await problemOf(send("POST", PATH, { volumes: ["default/v"] }), "failed_precondition");
    assert.match(detail, /default\/v/);
  }));
