import { strict as assert } from "node:assert";
import { CONTRACTS } from "./ok.ts";
import { ROOT } from "./tree.ts";

for (const file of CONTRACTS) {
  Deno.test(`${file} shows its contract by an example, which deno task ok runs`, async () => {
    assert.match(await Deno.readTextFile(`${ROOT}/${file}`), /@example .+\n \* ```ts\n/);
  });
}
