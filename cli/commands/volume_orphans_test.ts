import assert from "node:assert/strict";
import type { Orphan, Orphans } from "../../model/orphans.ts";
import { explainOrphans } from "./volume_orphans.ts";

const NONE: Orphans = {
  installation: "web-1",
  listedAt: "2026-01-01T00:00:00.000Z",
  items: [],
  totalGb: 0,
  volumeAccountsGb: 0,
  otherInstallations: [],
  asked: ["storage class do-block"],
  skipped: [],
};
const ORPHAN: Orphan = {
  ...{
    namespace: "default",
    name: "data",
    uid: "u",
    driver: "cloud",
    handle: "h",
    providerName: "rune-data",
  },
  ...{ region: "nyc3", sizeGb: 11, attached: false },
  ...{ source: "storage class do-block", accountOf: "storageClass" },
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
  const otherInstallations = [{
    installation: "web-2",
    accountOf: "storageClass" as const,
    volumes: 3,
    sizeGb: 33,
  }];
  assert.equal(
    explainOrphans({ ...NONE, otherInstallations }).at(-1),
    "3 volumes, 33 GB, in the same accounts belong to the installation web-2; ask there",
  );
});

Deno.test("explainOrphans() tells apart what accounts show that only volumes name", () => {
  const accountOf = "volume" as const;
  const orphans: Orphans = {
    ...NONE,
    items: [ORPHAN, { ...ORPHAN, source: "volume team/data", accountOf }],
    totalGb: 11,
    volumeAccountsGb: 4,
    otherInstallations: [{ installation: "web-2", accountOf, volumes: 1, sizeGb: 4 }],
  };
  const lines = explainOrphans(orphans);
  assert.match(lines[0]!, /^1 volume, 11 GB: no volume of web-1 uses it\./);
  assert.equal(
    lines[1],
    "1 volume, 4 GB, in accounts that only volumes name: whoever casts such a volume chooses what its account shows.",
  );
  assert.equal(
    lines.at(-1),
    "1 volume, 4 GB, in accounts that only volumes name belong to the installation web-2; ask there",
  );
});
