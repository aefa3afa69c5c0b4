import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { createEngine } from "./engine.ts";
import { findOwner } from "./image_accounts.ts";
import { parseFirstEntry } from "./image_file.ts";
import { createDockerRunner } from "./runner.ts";
import { buildTestImage, dockerHere, ensureTestImage, TEST_SOCKET } from "./test_image.ts";

const FILES = {
  passwd: "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/:/bin/sh\nbad:x:4294967295:0::/:\nodd\n",
  group: "root:x:0:\napp:x:1001:\nstaff:x:50:app\n",
};

const LOOKUPS: [user: string, group: string | undefined, owner: object][] = [
  ["app", undefined, { user: 1000, group: 1001 }],
  ["app", "staff", { user: 1000, group: 50 }],
  ["app", "7", { user: 1000, group: 7 }],
  ["1234", "staff", { user: 1234, group: 50 }],
  ["app", "nosuch", { user: 1000 }],
  ["nosuch", undefined, {}],
  ["bad", undefined, {}],
  ["odd", undefined, {}],
  ["4294967296", "staff", {}],
];

for (const [user, group, owner] of LOOKUPS) {
  Deno.test(`findOwner() reads ${user}${group === undefined ? "" : `:${group}`} as ${JSON.stringify(owner)}`, () => {
    assert.deepEqual(findOwner({ user, group }, FILES), owner);
  });
}

Deno.test("parseFirstEntry() rejects a truncated archive, and other data", () => {
  for (const bytes of [new Uint8Array(0), new Uint8Array(1024), new Uint8Array(2048).fill(65)]) {
    assert.equal(parseFirstEntry(bytes), undefined);
  }
});

Deno.test({
  name: "ownerOf() finds the owner by context, image and the image's accounts, and leaves nothing behind",
  ignore: !dockerHere,
  async fn() {
    const daemonId = crypto.randomUUID();
    const runner = createDockerRunner({ socket: TEST_SOCKET, daemonId });
    const plain = await ensureTestImage();
    await using app = await buildTestImage(["USER app"]);
    await using numeric = await buildTestImage(["USER 1000:1001"]);
    await using linked = await buildTestImage([
      "RUN mkdir /real && mv /etc/passwd /real/users && ln -s ../real/users /etc/passwd",
      "USER app",
    ]);
    await using huge = await buildTestImage([
      "RUN dd if=/dev/zero of=/etc/passwd bs=1048576 count=3",
      "USER app",
    ]);
    await using unknown = await buildTestImage(["USER nosuch"]);
    const signal = AbortSignal.timeout(60_000);
    const cases: [image: string, context: object, owner: object][] = [
      [plain, {}, { user: 0, group: 0 }],
      [plain, { user: "1000" }, { user: 1000 }],
      [plain, { user: "app" }, { user: 1000, group: 1000 }],
      [app.name, {}, { user: 1000, group: 1000 }],
      [app.name, { user: "0" }, { user: 0 }],
      [numeric.name, {}, { user: 1000, group: 1001 }],
      [linked.name, {}, { user: 1000, group: 1000 }],
      [huge.name, {}, {}],
      [unknown.name, {}, {}],
    ];
    const engine = createEngine(TEST_SOCKET);
    try {
      for (const [image, context, owner] of cases) {
        assert.deepEqual(await runner.ownerOf!(context, { image, signal }), owner, image);
      }
      await assert.rejects(
        runner.ownerOf!({}, { image: "rune-test/nosuch:1", signal }),
        (error) => error instanceof RuneError && error.code === "not_found",
      );
      const answer = await engine.request("/containers/json", {
        what: "list",
        query: { all: "1", filters: JSON.stringify({ label: [`rune.io/daemon=${daemonId}`] }) },
        signal,
      });
      assert.deepEqual(await answer.json(), []);
    } finally {
      engine.close();
      runner.close();
    }
  },
});
