import assert from "node:assert/strict";
import { createPainter } from "../terminal/paint.ts";
import { statusText } from "./status.ts";

Deno.test("statusText() shows what is out of order, and counts by namespace", async () => {
  const text = await statusText({
    version: "1.2.3",
    node: "laptop",
    installation: "shop",
    daemonId: "d",
    startedAt: "2026-01-31T12:00:00.000Z",
    dataDir: "/data",
    devMode: true,
    warnings: ["plain text on 0.0.0.0"],
    runners: [{ name: "docker", ok: false, message: "not running" }, { name: "process", ok: true }],
    namespaces: [{
      name: "default",
      services: { Running: 2, Failed: 0 },
      instances: { total: 3, ready: 2 },
      volumes: {},
    }],
    recentWarnings: [{
      namespace: "default",
      object: { kind: "instance", name: "web-0" },
      reason: "Exited",
      message: "it exited with code 3",
      count: 4,
      lastAt: "2026-01-31T12:04:00.000Z",
    }],
  }, { now: Date.parse("2026-01-31T12:05:00.000Z"), paint: createPainter(false) });
  assert.equal(
    text,
    "node laptop (installation shop), rune 1.2.3, up 5m, dev mode\n" +
      "data in /data\n" +
      "docker runner unavailable: not running\n" +
      "process runner ok\n" +
      "warning plain text on 0.0.0.0\n" +
      "\n" +
      "NAMESPACE   SERVICES    READY   VOLUMES\n" +
      "default     2 Running   2/3     none\n" +
      "\n" +
      "recent warnings:\n" +
      "  60s ago  default instance/web-0 Exited: it exited with code 3 (4 times)\n",
  );
});
