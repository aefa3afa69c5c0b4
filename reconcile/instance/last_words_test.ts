import assert from "node:assert/strict";
import { makeFullFilesystem } from "../../scripts/full_filesystem.ts";
import { noRoot } from "../../tests/skips.ts";
import { findShortage } from "../../base/room.ts";
import type { Node } from "../../node/node.ts";
import { makeVolume } from "../testing/resources.ts";
import { findSuggestion } from "./last_words.ts";
import type { MountView } from "./view.ts";

/** The view of a volume whose uid is its path, so that the fake node finds it. */
const viewOf = (name: string, mountPath: string, path = "/"): MountView => ({
  mount: { name, mountPath, readOnly: false, subPath: "", claim: { name } },
  namespace: "default",
  name,
  volume: makeVolume({}, { uid: path }),
  holders: [],
  mounted: { path },
});

const node = { volumes: { findShortage } } as Partial<Record<keyof Node, unknown>> as Node;
const { signal } = new AbortController();

const DENIED: [line: string, mount: string | undefined][] = [
  ["touch: /data/mark: Permission denied", "data"],
  ["Error: EACCES: permission denied, open '/logs/app.log'", "logs"],
  ["mkdir: can't create directory 'pgdata': Permission denied", "data"],
  ["sh: can't create /database/x: Permission denied", undefined],
  ["cannot bind to /run/app.sock: permission denied", undefined],
  ["FATAL: password authentication failed", undefined],
];

for (const [line, mount] of DENIED) {
  Deno.test(`findSuggestion() of "${line}" is ${mount === undefined ? "none" : `fsUser of ${mount}`}`, async () => {
    const views = [viewOf("data", "/data"), viewOf("logs", "/logs")];
    const advice = await findSuggestion(["starting", line], { writable: views, node, signal });
    if (mount === undefined) assert.equal(advice, undefined);
    else assert.match(advice!, new RegExp(`may not write /${mount}: set fsUser of the mount "${mount}"`));
  });
}

Deno.test({
  name: "findSuggestion() names the full volume, and none if there is room",
  ignore: noRoot,
  async fn() {
    await using disk = await makeFullFilesystem();
    const views = [viewOf("roomy", "/roomy"), viewOf("small", "/small", disk.path)];
    const line = "dd: error writing '/small/x': No space left on device";
    assert.equal(await findSuggestion([line], { writable: views, node, signal }), undefined);
    await disk.fill({ free: 0 });
    assert.match(
      (await findSuggestion([line], { writable: views, node, signal }))!,
      /^volume default\/small is full \(no room is left of 1Mi\w*\)/,
    );
  },
});
