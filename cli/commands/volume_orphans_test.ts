import assert from "node:assert/strict";
import type { Orphans } from "../../model/orphans.ts";
import { explainOrphans } from "./volume_orphans.ts";

const NONE: Orphans = {
  installation: "web-1",
  items: [],
  totalGb: 0,
  otherInstallations: [],
  asked: ["storage class do-block"],
  skipped: [],
};
const ORPHAN = {
  ...{
    namespace: "default",
    name: "data",
    uid: "u",
    driver: "cloud",
    handle: "h",
    providerName: "rune-data",
  },
  ...{ region: "nyc3", sizeGb: 11, attached: false },
};

Deno.test("explainOrphans() says what is still paid for, and what to do with it", () => {
  assert.deepEqual(explainOrphans({ ...NONE, items: [ORPHAN], totalGb: 11 }), [
    "1 volume, 11 GB: no volume of web-1 uses it. Nothing was changed.",
    "To use one again, cast its volume again. To stop paying for it, delete it at the provider.",
  ]);
  const attached = [ORPHAN, { ...ORPHAN, attached: true }];
  assert.equal(
    explainOrphans({ ...NONE, items: attached, totalGb: 22 })[2],
    "A machine has 1 volume attached: look there before you delete.",
  );
  assert.match(
    explainOrphans({ ...NONE, items: [ORPHAN, ORPHAN], totalGb: 22 })[0]!,
    /^2 volumes, 22 GB: .* uses them\./,
  );
});

Deno.test("explainOrphans() never says that there are none where it did not look", () => {
  assert.deepEqual(explainOrphans(NONE), ["no orphans: a volume of web-1 uses each one that it created"]);
  assert.deepEqual(explainOrphans({ ...NONE, asked: [] }), [
    "no storage class keeps its volumes at a provider",
  ]);
  const skipped = [{ source: "storage class do-block", message: "the token was refused", hint: "rotate it" }];
  assert.deepEqual(explainOrphans({ ...NONE, asked: [], skipped }), [
    "warning: storage class do-block was not asked: the token was refused; rotate it",
  ]);
});

Deno.test("explainOrphans() counts what other installations have, and judges none of it", () => {
  const otherInstallations = [{ installation: "web-2", volumes: 3, sizeGb: 33 }];
  assert.equal(
    explainOrphans({ ...NONE, otherInstallations }).at(-1),
    "3 volumes, 33 GB, in the same accounts belong to the installation web-2; ask there",
  );
});
