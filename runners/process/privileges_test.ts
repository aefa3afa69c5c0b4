import assert from "node:assert/strict";
import { RuneError } from "../../spec/error.ts";
import type { SecurityContext } from "../../spec/security.ts";
import { planPrivileges, setprivOptions } from "./privileges.ts";
import { cannotRun } from "./test_room.ts";

const REFUSED: [SecurityContext, { root: boolean; says: RegExp }][] = [
  [{ capAdd: ["NET_ADMIN"] }, { root: true, says: /capAdd/ }],
  [{ capDrop: ["ALL"] }, { root: true, says: /capDrop/ }],
  [{ privileged: true }, { root: true, says: /privileged/ }],
  [{ seccompProfile: "unconfined" }, { root: true, says: /seccompProfile/ }],
  [{ readOnlyFS: true, capabilities: ["SYS_ADMIN"] }, {
    root: true,
    says: /SYS_ADMIN would undo readOnlyFS/,
  }],
  [{ readOnlyFS: true, capabilities: ["ALL"] }, { root: true, says: /would undo/ }],
  [{ user: "no-such-user" }, { root: true, says: /no user "no-such-user"/ }],
  [{ group: "no-such-group" }, { root: true, says: /no group "no-such-group"/ }],
  [{ user: "424242" }, { root: true, says: /424242/ }],
  [{ user: "nobody" }, { root: false, says: /user needs a daemon that runs as root/ }],
  [{ group: "nogroup" }, { root: false, says: /group needs/ }],
  [{ capabilities: [] }, { root: false, says: /capabilities needs/ }],
  [{ readOnlyFS: true }, { root: false, says: /readOnlyFS needs/ }],
  [{ readOnlyRootFilesystem: true }, { root: false, says: /readOnlyFS needs/ }],
];

for (const [context, { root, says }] of REFUSED) {
  Deno.test({
    name: `planPrivileges() refuses ${JSON.stringify(context)} ${root ? "as root" : "without root"}`,
    ignore: cannotRun,
    fn: () =>
      assert.rejects(planPrivileges({ securityContext: context }, root), (error) => {
        assert.ok(error instanceof RuneError && error.permanent && error.hint);
        assert.match(error.message, says);
        return true;
      }),
  });
}

Deno.test({
  name: "planPrivileges() runs nothing in between where nothing is restricted",
  ignore: cannotRun,
  fn: async () => {
    for (const context of [{}, { privileged: false, capAdd: [], capabilities: ["ALL"] }]) {
      const privileges = await planPrivileges({ securityContext: context }, true);
      assert.deepEqual([setprivOptions(privileges), privileges.readOnlyFs], [[], false]);
    }
  },
});
