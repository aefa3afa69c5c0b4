/** That the node of this machine opens whole, and gives up what it holds. @module */
import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import { createClock } from "../base/clock.ts";
import { openLocalNode } from "./local_node.ts";
import { openDirectory } from "../drivers/open_directory.ts";
import { stagePath } from "./mounts/bind_stage.ts";
import { fixedSecrets, noteCalls } from "./testing/drivers.ts";
import type { VolumeCall } from "./volume_call.ts";
import { fixedInstallation } from "./testing/installation.ts";

Deno.test("openLocalNode() calls drivers with the values of secrets, counts its calls, and shows nothing once closed", async () => {
  const dataDir = await Deno.realPath(await Deno.makeTempDir({ prefix: "rune-node-" }));
  const daemonId = `test-${crypto.randomUUID()}`;
  const { signal } = new AbortController();
  const calls: string[] = [];
  const closed: string[] = [];
  const count = ({ of, call, result }: { of: string; call: string; result: string }) =>
    void calls.push(`${of} ${call} ${result}`);
  const noting = noteCalls("noting", {
    usage: () => ({ usedBytes: 1 }),
    mount: () => ({ path: dataDir }),
    open: () => openDirectory(dataDir),
  });
  const node = await openLocalNode({
    installation: fixedInstallation("i1"),
    ...{ name: "n1", labels: { zone: "a" }, dataDir, daemonId, signal, closed: [], clock: createClock() },
    drivers: {
      all: new Map([["noting", noting.driver]]),
      trashes: [],
      configure: () => {},
      prepare: () => Promise.resolve([]),
      close: () => void closed.push("drivers"),
    },
    proxy: { serving: { httpPort: 1, httpsPort: 2, loopback: true } },
    secrets: fixedSecrets({ "prod/cloud": { token: "value" } }),
    docker: { socket: `${dataDir}/no-engine.sock` },
    observer: { driverCall: count, runnerCall: count, probes: { countAnswer: () => {} } },
    logger: getLogger("test"),
  });
  try {
    const call: VolumeCall = {
      volume: {
        ...{ namespace: "prod", name: "v", sizeBytes: 1, accessMode: "ReadWriteOnce" },
        uid: crypto.randomUUID(),
      },
      parameters: { token: "secret:cloud/token" },
      blank: false,
      signal,
    };
    await node.drivers.get("noting")!.usage!(call);
    assert.deepEqual(noting.calls, [{ call: "usage", parameters: { token: "value" } }]);
    await assert.rejects(node.runners.get("docker")!.check(signal), { code: "unavailable" });
    assert.deepEqual(calls, ["noting usage ok", "docker check unavailable"]);
    const answer = await node.volumes.mount({ driver: "noting", call }, []);
    assert.equal(answer.state, "mounted");
    assert.deepEqual(await node.volumes.listOwners(signal), [call.volume.uid]);
    await node.close();
    assert.deepEqual(closed, ["drivers"]);
    await assert.rejects(Deno.stat(stagePath(daemonId)), Deno.errors.NotFound);
    await node.volumes.release(call.volume.uid, signal);
    assert.deepEqual(await node.volumes.listOwners(signal), []);
  } finally {
    await node.close();
    await Deno.remove(`/run/rune/mounts/${daemonId}`).catch(() => {});
    await Deno.remove(dataDir, { recursive: true });
  }
});
