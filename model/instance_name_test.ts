import assert from "node:assert/strict";
import { instanceName, parseInstanceName } from "./instance_name.ts";

Deno.test("parseInstanceName() reads what instanceName() makes, whatever the service is called", () => {
  for (const service of ["web", "web-0", "a-1-next", "x-01"]) {
    for (const ordinal of [0, 1, 10, 4095]) {
      for (const successor of [false, true]) {
        const name = instanceName(service, { ordinal, successor });
        assert.deepEqual(parseInstanceName(name), { service, ordinal, successor }, name);
      }
    }
  }
});

Deno.test("parseInstanceName() takes no other name for an instance's", () => {
  for (const name of ["web", "web-", "-0", "web-01", "web-1e3", "web-0-nex", "web-next", ""]) {
    assert.equal(parseInstanceName(name), undefined, name);
  }
});
