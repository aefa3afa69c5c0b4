import assert from "node:assert/strict";
import { parseDeclared } from "../../model/declared.ts";
import type { ServiceSpec } from "../../model/service.ts";
import { checkHost } from "./host.ts";

function listRefusals(fields: Record<string, unknown>, root: boolean, containsProcesses = true): string[] {
  const result = parseDeclared("service", { name: "p", ...fields }, { namespace: "default" });
  if ("issues" in result) throw new Error(JSON.stringify(result.issues));
  return checkHost(result.declared.spec as ServiceSpec, { root, containsProcesses }).map((issue) =>
    issue.path.join(".")
  );
}

Deno.test("checkHost() refuses what only root can enforce for processes, and refuses nothing for containers", () => {
  const fields = {
    securityContext: { user: "nobody", noNewPrivileges: true },
    resources: { memory: { limit: "1Gi" } },
    configMounts: [{ configName: "a", mountPath: "/a" }],
  };
  const process = { command: "true" };
  assert.deepEqual(listRefusals({ ...fields, process }, false), [
    "securityContext.user",
    "resources.memory",
    "configMounts.0",
  ]);
  assert.deepEqual(listRefusals({ ...fields, process }, true), []);
  assert.deepEqual(listRefusals({ ...fields, image: "x:1" }, false), []);
});

Deno.test("checkHost() refuses writable volumes for processes if the daemon cannot tell when they have ended", () => {
  const claim = (name: string, readOnly: boolean) => ({
    name,
    mountPath: `/${name}`,
    readOnly,
    claim: { name },
  });
  const fields = { volumes: [claim("a", true), claim("b", false)] };
  for (const root of [true, false]) {
    assert.deepEqual(listRefusals({ ...fields, process: { command: "true" } }, root, false), ["volumes.1"]);
    assert.deepEqual(listRefusals({ ...fields, process: { command: "true" } }, root, true), []);
    assert.deepEqual(listRefusals({ ...fields, image: "x:1" }, root, false), []);
  }
});
