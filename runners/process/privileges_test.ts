import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import type { SecurityContext } from "../../model/security.ts";
import { planPrivileges, setprivOptions } from "./privileges.ts";
import { cannotRun, isNotRoot } from "./test_room.ts";

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
  name: "planPrivileges() reads an id once, and does not mistake other ids for root's",
  ignore: isNotRoot,
  fn: async () => {
    for (const user of ["4294967295", "4294967296", "8589934592", `${2 ** 64}`]) {
      await assert.rejects(
        planPrivileges({ securityContext: { user, group: "1" } }, true),
        /not a uid or gid/,
      );
      await assert.rejects(planPrivileges({ securityContext: { group: user } }, true), /not a uid or gid/);
    }
    for (const user of ["0x0", " 0", "+0", "1e3", "-1"]) {
      await assert.rejects(planPrivileges({ securityContext: { user, group: "1" } }, true), /has no user/);
    }
    const { identity, account, noNewPrivileges } = await planPrivileges({
      securityContext: { user: "4294967294", group: "4294967294" },
    }, true);
    assert.deepEqual(identity, { user: 4294967294, group: 4294967294, groups: [] });
    assert.deepEqual([account.uid, noNewPrivileges], [4294967294, true]);
    // Leading zeros change nothing, for admission and enforcement alike: it is root.
    assert.equal((await planPrivileges({ securityContext: { user: "00" } }, true)).identity?.user, 0);
  },
});

Deno.test({
  name: "planPrivileges() prefers the numbers of an identity to the names",
  ignore: isNotRoot,
  fn: async () => {
    const identity = { user: 4242, group: 4343, groups: [9, 7, 9] };
    const plan = await planPrivileges({ identity, securityContext: { user: "root", group: "root" } }, true);
    assert.deepEqual(plan.identity, { ...identity, groups: [7, 9] });
    assert.deepEqual(setprivOptions(plan).slice(0, 7), [
      "--no-new-privs",
      "--reuid",
      "4242",
      "--regid",
      "4343",
      "--groups",
      "7,9",
    ]);
    const refused = { securityContext: { user: "nobody", noNewPrivileges: false } };
    await assert.rejects(planPrivileges(refused, true), /cannot be false for a process that is not root/);
  },
});

Deno.test({
  name: "planPrivileges() adds no program if nothing is restricted",
  ignore: isNotRoot,
  fn: async () => {
    for (const context of [{}, { privileged: false, capAdd: [], capabilities: ["ALL"] }]) {
      const privileges = await planPrivileges({ securityContext: context }, true);
      assert.deepEqual([setprivOptions(privileges), privileges.readOnlyFs], [[], false]);
    }
  },
});
