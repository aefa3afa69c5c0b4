import assert from "node:assert/strict";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { VolumeStatus } from "../../model/volume.ts";
import { ago, makeProvisionedVolume, NOW } from "../testing/resources.ts";
import { graceLeftMs, isMounted } from "./leave_plan.ts";

const DETACH = ANNOTATIONS.detachRequestedAt;

function viewOf(
  status: Partial<VolumeStatus>,
  { asked, mountPath, graceMs }: { asked?: string; mountPath?: string; graceMs?: number } = {},
) {
  return {
    volume: makeProvisionedVolume({
      status,
      ...(asked !== undefined && { annotations: { [DETACH]: asked } }),
    }),
    mountPath,
    capabilities: graceMs === undefined ? {} : { detachGraceMs: graceMs },
    now: NOW,
  };
}

const attached = { boundNode: "node-1", unmountedAt: ago(20) };

const LEFT: [what: string, view: ReturnType<typeof viewOf>, expected: number | undefined][] = [
  ["nothing for a volume that is not attached", viewOf({}, { graceMs: 60_000 }), undefined],
  ["the rest of the grace", viewOf(attached, { graceMs: 60_000 }), 40_000],
  ["0 after the grace", viewOf(attached, { graceMs: 20_000 }), 0],
  ["0 if the driver has no grace", viewOf(attached), 0],
  ["0 if somebody asked to detach it", viewOf(attached, { graceMs: 60_000, asked: ago(5) }), 0],
  [
    "the rest of the grace if that was asked before the last mount",
    viewOf({ ...attached, detachedFor: ago(90) }, { graceMs: 60_000, asked: ago(90) }),
    40_000,
  ],
  [
    "0 if it was asked again, although the clock was set back in between",
    viewOf({ ...attached, detachedFor: ago(-90) }, { graceMs: 60_000, asked: ago(5) }),
    0,
  ],
];
for (const [what, view, expected] of LEFT) {
  Deno.test(`graceLeftMs() is ${what}`, () => assert.equal(graceLeftMs(view), expected));
}

Deno.test("graceLeftMs() is never longer than the grace, even if the clock was set back", () => {
  assert.equal(
    graceLeftMs(viewOf({ boundNode: "node-1", unmountedAt: ago(-9999) }, { graceMs: 60_000 })),
    60_000,
  );
});

Deno.test("isMounted() is true for what this daemon mounted, and for what an earlier one did not unmount", () => {
  assert.equal(isMounted(viewOf({}, { mountPath: "/d" })), true);
  assert.equal(isMounted(viewOf({ boundNode: "node-1" })), true);
  assert.equal(isMounted(viewOf(attached)), false);
  assert.equal(isMounted(viewOf({})), false);
});
