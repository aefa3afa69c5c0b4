/** That the node of this machine opens whole, and gives up what it holds. @module */
import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import { createClock } from "../base/clock.ts";
import { openLocalNode } from "./local_node.ts";
import { openDirectory } from "../drivers/open_directory.ts";
import { fixedSecrets, noteCalls } from "./testing/drivers.ts";

Deno.test("openLocalNode() calls drivers with the values of secrets, counts its calls, and shows nothing once closed", async () => {
  const dataDir = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-node-" }));
  const daemonId = `test-${crypto.randomUUID()}`;
  const { signal } = new AbortController();
  const calls: string[] = [];
  const count = ({ of, call, result }: { of: string; call: string; result: string }) =>
    void calls.push(`${of} ${call} ${result}`);
  const noting = noteCalls("noting", { usage: () => ({ usedBytes: 1 }) });
  const node = await openLocalNode({
    ...{ name: "n1", labels: { zone: "a" }, dataDir, daemonId, signal, closed: [], clock: createClock() },
    drivers: new Map([["noting", noting.driver]]),
    secrets: fixedSecrets({ "prod/cloud": { token: "value" } }),
    docker: { socket: `${dataDir}/no-engine.sock` },
    observer: { driverCall: count, runnerCall: count, probes: { countAnswer: () => {} } },
    logger: getLogger("test"),
  });
  try {
    await node.drivers.get("noting")!.usage!({
      volume: { namespace: "prod", name: "v", uid: "u", sizeBytes: 1, accessMode: "ReadWriteOnce" },
      parameters: { token: "secret:cloud/token" },
      signal,
    });
    assert.deepEqual(noting.calls, [{ call: "usage", parameters: { token: "value" } }]);
    await assert.rejects(node.runners.get("docker")!.check(signal), { code: "unavailable" });
    assert.deepEqual(calls, ["noting usage ok", "docker check unavailable"]);
    await using directory = await openDirectory(dataDir);
    await node.stage.show("volume", directory, signal);
    await node.close();
    assert.deepEqual(await node.stage.list(), []);
  } finally {
    await node.close();
    await Deno.remove(`/run/rune/mounts/${daemonId}`).catch(() => {});
    await Deno.remove(dataDir, { recursive: true });
  }
});
