import assert from "node:assert/strict";
import { TestGate } from "../../base/testing/gate.ts";
import { RuneError } from "../../model/error.ts";
import { driverLifecycle } from "../conformance_lifecycle.ts";
import { contextMaker } from "../conformance_trial.ts";
import { MemoryDriver } from "./memory_driver.ts";
import { MemoryVolumes } from "./memory_volumes.ts";

const KINDS = {
  "memory": { snapshots: true, onlineExpand: true, blockDevice: false },
  "memory block device": { snapshots: false, onlineExpand: false, blockDevice: true },
};

for (const [name, capabilities] of Object.entries(KINDS)) {
  driverLifecycle({
    name,
    snapshots: capabilities.snapshots,
    make() {
      const volumes = new MemoryVolumes();
      const restart = () => new MemoryDriver({ volumes, capabilities });
      return Promise.resolve({
        driver: restart(),
        restart,
        context: contextMaker({ sizeBytes: 32 << 20 }),
        data: {
          put: (path, file, content) => {
            const data = typeof content === "string" ? new TextEncoder().encode(content) : content;
            return Promise.resolve(volumes.write(path, file, data));
          },
          read: (path, file) => {
            const data = volumes.read(path, file);
            return Promise.resolve(data && new TextDecoder().decode(data));
          },
          capacity: (path) => volumes.at(path)!.sizeBytes,
        },
        cleanup: () => Promise.resolve(),
      });
    },
  });
}

Deno.test("a volume in memory exists even if the answer of provision is lost", async () => {
  const gate = new TestGate();
  const volumes = new MemoryVolumes();
  const driver = new MemoryDriver({ volumes, gate });
  const ctx = contextMaker()("kept");
  gate.loseNext("driver.provision", new RuneError("unavailable", "the answer is lost"));
  await assert.rejects(driver.provision(ctx), { code: "unavailable" });
  assert.equal(volumes.volumes.size, 1);
  assert.equal((await driver.provision(ctx)).adopted, false);
});

Deno.test("a slow memory driver does nothing before its delay ends, and nothing at all after an abort", async () => {
  const gate = new TestGate();
  const volumes = new MemoryVolumes();
  const driver = new MemoryDriver({ volumes, gate });
  const slow = Promise.withResolvers<void>();
  const abort = new AbortController();
  gate.delayNext("driver.provision", slow.promise);
  const call = driver.provision(contextMaker()("late", { signal: abort.signal }));
  abort.abort();
  slow.resolve();
  await assert.rejects(call, { code: "unavailable" });
  assert.equal(volumes.volumes.size, 0);
});
