import assert from "node:assert/strict";
import { makeFullFilesystem } from "../../scripts/full_filesystem.ts";
import { noRoot } from "../../tests/skips.ts";
import { whereIs } from "../../drivers/open_directory.ts";
import { suggestion } from "./last_words.ts";
import type { MountView } from "./view.ts";

const viewOf = async (name: string, mountPath: string, path = "/"): Promise<MountView> => ({
  mount: { name, mountPath, readOnly: false, subPath: "", claim: { name } },
  namespace: "default",
  name,
  volume: undefined,
  holders: [],
  mounted: { path, where: await whereIs(path) },
});

const DENIED: [line: string, mount: string | undefined][] = [
  ["touch: /data/mark: Permission denied", "data"],
  ["Error: EACCES: permission denied, open '/logs/app.log'", "logs"],
  ["mkdir: can't create directory 'pgdata': Permission denied", "data"],
  ["sh: can't create /database/x: Permission denied", undefined],
  ["cannot bind to /run/app.sock: permission denied", undefined],
  ["FATAL: password authentication failed", undefined],
];

for (const [line, mount] of DENIED) {
  Deno.test(`suggestion() of "${line}" is ${mount === undefined ? "none" : `fsUser of ${mount}`}`, async () => {
    const views = [await viewOf("data", "/data"), await viewOf("logs", "/logs")];
    const said = await suggestion(["starting", line], views);
    if (mount === undefined) assert.equal(said, undefined);
    else assert.match(said!, new RegExp(`may not write /${mount}: set fsUser of the mount "${mount}"`));
  });
}

Deno.test({
  name: "suggestion() names the volume that is full, and none where there is room",
  ignore: noRoot,
  async fn() {
    await using disk = await makeFullFilesystem();
    const views = [await viewOf("roomy", "/roomy"), await viewOf("small", "/small", disk.path)];
    const line = "dd: error writing '/small/x': No space left on device";
    assert.equal(await suggestion([line], views), undefined);
    await disk.fill({ free: 0 });
    assert.match(
      (await suggestion([line], views))!,
      /^volume default\/small is full \(no room is left of 1Mi\w*\)/,
    );
  },
});
