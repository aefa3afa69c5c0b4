/**
 * Tests that `rune logs` shows output exactly: characters, long lines, and bytes that are not text, in every
 * format.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { RUNE } from "../scripts/daemon.ts";
import { startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

/** A line of 120,001 bytes with many two-byte characters, an invalid byte, and another character after it. */
const SCRIPT = 'awk \'BEGIN { printf "x"; for (i = 0; i < 60000; i++) printf "\\303\\251"; print "" }\'; ' +
  "printf 'a\\377b\\n'; echo after; exec sleep 3600";

Deno.test({
  name: "rune logs shows long lines, characters and bytes of containers and processes exactly as printed",
  ignore: noDocker || noRoot,
  fn: async () => {
    await ensureTestImage();
    await using host = await startHost();
    const command = JSON.stringify(["/bin/sh", "-c", SCRIPT]);
    const args = JSON.stringify(["-c", SCRIPT]);
    const file = await host.file(
      "long.yaml",
      `service: { name: box, image: "${TEST_IMAGE}", command: ${command} }\n---\n` +
        `service: { name: process, process: { command: /bin/sh, args: ${args} } }\n`,
    );
    await host.rune("cast", file);
    const bytes = async (...args: string[]) => {
      const [program, ...rest] = [...RUNE, "logs", ...args];
      const { stdout, code } = await new Deno.Command(program!, { args: rest, env: host.daemon.env })
        .output();
      assert.equal(code, 0);
      return stdout;
    };
    const long = `x${"é".repeat(60_000)}`;
    const whole = [
      ...new TextEncoder().encode(`${long}\na`),
      0xff,
      ...new TextEncoder().encode("b\nafter\n"),
    ];
    for (const service of ["box", "process"]) {
      const seen = await until("all is printed", async () => {
        const now = await bytes(service);
        return now.length >= whole.length && now;
      });
      assert.ok(Buffer.from(seen).equals(Buffer.from(whole)), `${service}: ${seen.length} bytes`);
      assert.equal(new TextDecoder().decode(await bytes(service, "--grep", "é$")), `${long}\n`);
      assert.equal(new TextDecoder().decode(await bytes(service, "--tail", "1")), "after\n");
      const lines = new TextDecoder().decode(await bytes(service, "-o", "json")).trim().split("\n")
        .map((line) => JSON.parse(line));
      assert.deepEqual(lines.map(({ text, base64 }) => [text, base64]), [
        [long, undefined],
        ["a\ufffdb", new Uint8Array([0x61, 0xff, 0x62]).toBase64()],
        ["after", undefined],
      ]);
      // Still exact after the instance is gone.
      await host.rune("stop", service);
      assert.ok(Buffer.from(await bytes(service)).equals(Buffer.from(whole)), `${service} after its stop`);
    }
  },
});
