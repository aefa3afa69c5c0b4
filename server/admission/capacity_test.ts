import assert from "node:assert/strict";
import { okJson, problemOf, process, service, withServer } from "../api/server_fixture.ts";
import { checkCapacity, countCpus, hostCapacity } from "./capacity.ts";

const capacity = { cpus: 2, memoryBytes: 4 * 2 ** 30 };

const CASES: [resources: object, paths: string[]][] = [
  [{ cpu: { limit: "2" } }, []],
  [{ cpu: { limit: "2001m" } }, ["resources.cpu.limit"]],
  [{ cpu: { request: "3", limit: "3" } }, ["resources.cpu.request", "resources.cpu.limit"]],
  [{ memory: { limit: "4Gi" } }, []],
  [{ memory: { request: "5Gi" } }, ["resources.memory.request"]],
  [{ memory: { limit: "1Ti" } }, ["resources.memory.limit"]],
];

for (const [resources, paths] of CASES) {
  Deno.test(`checkCapacity() of 2 CPUs and 4Gi finds ${paths.join(", ") || "nothing"} in ${JSON.stringify(resources)}`, () => {
    const found = checkCapacity({ resources }, { before: undefined, capacity });
    assert.deepEqual(found.map(({ path }) => path.join(".")), paths);
    assert.deepEqual(checkCapacity({ resources }, { before: { resources }, capacity }), []);
  });
}

Deno.test("countCpus() reads lists of ranges", () => {
  assert.deepEqual(["0", "0-3", "0-1,4,6-7\n"].map(countCpus), [1, 4, 5]);
});

for (const kind of [service, process]) {
  Deno.test(`cast refuses more CPUs than the machine has for a ${kind.name}, says how many there are, and does so in a dry run too`, () =>
    withServer(async ({ cast }) => {
      const { cpus } = hostCapacity();
      const set = (limit: string) => [kind("a", { resources: { cpu: { limit } } })];
      for (const dryRun of [true, false]) {
        const { issues } = await problemOf(cast(set(`${cpus + 1}`), { dryRun }), "invalid_argument");
        assert.match(
          issues![0]!.message,
          new RegExp(`more than this machine has: expected at most ${cpus}$`),
        );
      }
      if (Deno.uid() === 0 || kind === service) await okJson(cast(set(`${cpus}`)));
    }));
}
