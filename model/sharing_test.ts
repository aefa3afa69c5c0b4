import assert from "node:assert/strict";
import { checkSet } from "./checks.ts";
import { parseDeclared } from "./declared.ts";

const site = (mount: object) => ({ name: "site", mountPath: "/site", claim: { name: "site" }, ...mount });

function declare(kind: "service" | "volume", body: Record<string, unknown>) {
  const result = parseDeclared(kind, body, { namespace: "default" });
  assert.ok("declared" in result, JSON.stringify(result));
  return result.declared;
}

Deno.test("checkSet() reports a reader beside a writer of one volume once, at the later of the two", () => {
  const set = [
    declare("service", { name: "site-builder", image: "busybox:1", volumes: [site({})] }),
    declare("service", { name: "web-front", image: "busybox:1", volumes: [site({ readOnly: true })] }),
    declare("volume", { name: "site", size: "100Mi", accessMode: "ReadWriteOnce" }),
  ];
  const [issue, ...more] = checkSet(set);
  assert.deepEqual([issue?.resource, issue?.path, more], [1, ["volumes", 0], []]);
  assert.match(issue!.message, /volume default\/site is mounted read-write by service default\/site-builder/);
});
