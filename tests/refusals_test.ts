/**
 * Tests that mistakes are refused with their position, and that nothing of the castfile is applied.
 * @module
 */
import assert from "node:assert/strict";
import { startHost } from "./host.ts";
import { noRoot } from "./skips.ts";

const volume = "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce }\n---\n";
const service = (mount: string, more = "") =>
  `service:\n  name: web\n  process: { command: sleep }\n${more}  volumes:\n    - ${mount}\n`;

/** A castfile, the position of its mistake, and the message. */
const refusals: [string, string, RegExp][] = [
  [
    volume +
    "service:\n  name: web\n  image: a:1\n  scale: 2\n  volumes:\n    - { name: d, mountPath: /d, claim: { name: v } }\n",
    "8:33",
    /ReadWriteOnce: expected scale 1, found 2/,
  ],
  [service("{ name: d, mountPath: /etc, claim: { name: v } }"), "5:29", /reserved/],
  [
    service(
      "{ name: d, mountPath: /d, claim: { name: v }, claimTemplate: { size: 1, accessMode: ReadWriteOnce } }",
    ),
    "5:53",
    /exactly one of claim and claimTemplate, found both/,
  ],
  ["service:\n  name: web\n  imgae: a\n  image: a:1\n", "3:3", /unknown field "imgae".*did you mean "image"/],
  ["volume: { name: v, size: 10Gx, accessMode: ReadWriteOnce }\n", "1:26", /expected a size/],
  ["volume: { name: v, size: 1Gi, accessMode: ReadWriteMany }\n", "1:43", /ReadWriteMany/],
  [
    "volume: { name: v, size: 1Gi, accessMode: ReadWriteOnce, storageClassName: lokal }\n",
    "1:76",
    /lokal/,
  ],
  [
    "services: [{ name: a, image: a:1, dependencies: [{ name: b }] }, " +
    "{ name: b, image: a:1, dependencies: [{ name: a }] }]\n",
    "1:35",
    /default\/a → default\/b → default\/a/,
  ],
];

Deno.test({
  name: "cast refuses mistakes with file:line:column and applies nothing, not even the valid resources",
  ignore: noRoot,
  async fn(t) {
    await using host = await startHost();
    for (const [text, place, message] of refusals) {
      await t.step(`${place} ${message}`, async () => {
        const good = "---\nvolume: { name: innocent, size: 1Gi, accessMode: ReadWriteOnce }\n";
        const castfile = await host.file("bad.yaml", text + good);
        const { code, stdout, stderr } = await host.run(["cast", castfile]);
        assert.equal(code, 6, stdout + stderr);
        const line = stderr.split("\n").find((l) => l.includes(`bad.yaml:${place}:`));
        assert.ok(line, `no line speaks of ${place}:\n${stderr}`);
        assert.match(line, message);
        assert.deepEqual((await host.get("volumes")).items, []);
        assert.deepEqual((await host.get("services")).items, []);
      });
    }
  },
});
