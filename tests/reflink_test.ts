/**
 * Tests that on a filesystem that shares blocks a snapshot takes no space, and little time whatever the size.
 * @module
 */
import assert from "node:assert/strict";
import { findProgram } from "../scripts/command.ts";
import { makeLoopFilesystem } from "../scripts/loop_filesystem.ts";
import { startHost } from "./host.ts";
import { noLoopDevices } from "./skips.ts";

const MIB = 2 ** 20;
const SIZES_MIB = [10, 100, 1024];

/** Fills a file with incompressible data. */
async function writeFile(path: string, sizeMiB: number): Promise<void> {
  const chunk = new Uint8Array(2 * MIB);
  for (let at = 0; at < chunk.length; at += 65_536) crypto.getRandomValues(chunk.subarray(at, at + 65_536));
  using file = await Deno.open(path, { write: true, create: true });
  for (let written = 0; written < sizeMiB; written += 2) {
    chunk[0] = written % 256;
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
  }
}

for (const type of ["xfs", "btrfs"] as const) {
  Deno.test({
    name:
      `a snapshot and a restore of 1 GiB on ${type} share its blocks, and take about as long as of 10 MiB`,
    ignore: noLoopDevices || findProgram(`mkfs.${type}`) === undefined,
    async fn() {
      await using disk = await makeLoopFilesystem(type, 3072);
      await using host = await startHost({
        runefile: `storage: { localVolumeRoot: ${disk.path}/volumes }\n`,
      });
      const times: number[] = [];
      for (const size of SIZES_MIB) {
        const name = `v${size}`;
        const castfile = `volume: { name: ${name}, size: 2Gi, accessMode: ReadWriteOnce }\n`;
        await host.rune("cast", await host.file(`${name}.yaml`, castfile));
        await writeFile(`${disk.path}/volumes/default/${name}/data`, size);
        const before = await disk.usedBytes();
        const start = performance.now();
        await host.rune("snapshot", "create", name, "--name", name);
        await host.rune("volume", "restore", `${name}-copy`, "--from-snapshot", name);
        times.push(performance.now() - start);
        const grown = await disk.usedBytes() - before;
        assert.ok(grown < 4 * MIB, `two copies of ${size} MiB took ${grown} bytes`);
        const copy = await Deno.stat(`${disk.path}/volumes/default/${name}-copy/data`);
        assert.equal(copy.size, size * MIB);
      }
      const [small, , large] = times;
      // Generous: it only must not be proportional to the size.
      assert.ok(large! < 4 * small! + 1_000, `${times.map((t) => `${t.toFixed(0)} ms`).join(", ")}`);
    },
  });
}
