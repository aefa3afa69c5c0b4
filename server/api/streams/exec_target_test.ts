import assert from "node:assert/strict";
import type { RuneError } from "../../../model/error.ts";
import type { Instance } from "../../../model/instance.ts";
import { watchRun } from "./exec_target.ts";
import { withServer } from "../server_fixture.ts";

const template = { process: { command: "/bin/true", args: [], env: {} } };

Deno.test("watchRun() calls back once when the instance has another run or is gone", () =>
  withServer(async ({ store }) => {
    const create = (name: string) =>
      store.transact((tx) =>
        tx.create(
          {
            kind: "instance",
            namespace: "default",
            name,
            spec: { service: "web", ordinal: 0, runner: "process", template },
            status: { run: 1, state: "Running" },
          } as unknown as Parameters<typeof tx.create>[0],
        )
      );
    for (const loss of ["another run", "deletion"]) {
      await create("web-0");
      const instance = store.get("instance", "default", "web-0") as Instance;
      const reasons: RuneError[] = [];
      const ref = { instanceUid: instance.uid, run: 1 };
      const end = watchRun(store, { instance, ref }, (reason) => reasons.push(reason));
      await create("web-1");
      await store.transact((tx) =>
        tx.update(tx.get("instance", "default", "web-0")!, { labels: { still: "the-same" } })
      );
      assert.deepEqual(reasons, [], loss);
      if (loss === "another run") {
        await store.transact((tx) => {
          const now = tx.get("instance", "default", "web-0")!;
          tx.update(now, { status: { ...now.status, run: 2 } });
        });
      }
      for (const name of ["web-0", "web-1"]) {
        await store.transact((tx) => tx.remove({ kind: "instance", namespace: "default", name }));
      }
      assert.equal(reasons.length, 1, loss);
      assert.match(String(reasons[0]), /web-0 was replaced/);
      end();
    }
  }));
