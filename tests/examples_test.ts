/** Tests that the castfiles of `examples/` are valid. @module */
import assert from "node:assert/strict";
import { parseCastfile } from "../model/castfile.ts";
import { checkSet } from "../model/checks.ts";

const folder = new URL("../examples/", import.meta.url);
const names = Array.from(Deno.readDirSync(folder), (entry) => entry.name).filter((n) => n.endsWith(".yaml"));

Deno.test("examples/ holds the castfiles that the README and the demo name", () => {
  assert.deepEqual(["agent.yaml", "web.yaml"].filter((name) => !names.includes(name)), []);
});

for (const name of names) {
  Deno.test(`examples/${name} is valid`, async () => {
    const text = await Deno.readTextFile(new URL(name, folder));
    const { resources, issues } = parseCastfile(text, { file: name, namespace: "default" });
    assert.deepEqual(issues, []);
    assert.ok(resources.length > 0);
    assert.deepEqual(checkSet(resources.map((resource) => resource.declared)), []);
  });
}
