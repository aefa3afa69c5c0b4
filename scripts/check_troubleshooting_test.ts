import assert from "node:assert/strict";
import { checkTroubleshooting, entriesOf, joinLiterals } from "./check_troubleshooting.ts";

const entry = (sentence: string, tests: string) =>
  `# Page\n\n**\`${sentence}\`**\n\nWhy. What to do.\n\n<!-- ${tests} -->\n`;

Deno.test("checkTroubleshooting() reports messages that the program never says, and missing tests", async () => {
  const files: Record<string, string> = { "a_test.ts": 'Deno.test("a full volume is told of", ...);' };
  const program = joinLiterals(
    "const say = (name) => `volume ${name} is full` +\n    ` and takes nothing more`;",
  );
  const check = (page: string) =>
    checkTroubleshooting(page, { program, read: (path) => Promise.resolve(files[path]) });
  const told = "`a_test.ts`: a full volume is told of";
  assert.deepEqual(await check(entry("volume <name> is full and takes nothing more", told)), []);
  assert.match(
    (await check(entry("volume <name> is full up to the brim", told))).join(),
    /the program never says/,
  );
  assert.match((await check(entry("<name> is full", told))).join(), /too little/);
  assert.match((await check(entry("is full and takes", "somewhere"))).join(), /no test produces/);
  assert.match(
    (await check(entry("is full and takes", "`b_test.ts`: a full volume"))).join(),
    /there is no b_test/,
  );
  assert.match(
    (await check(entry("is full and takes", "`a_test.ts`: an empty volume"))).join(),
    /has no test/,
  );
  assert.match((await check("# Page\n")).join(), /explains no message/);
});

Deno.test("entriesOf() reads several tests of one entry", () => {
  const page = entry("x", "`a_test.ts`: one; `b/c_test.ts`: another one");
  assert.deepEqual(entriesOf(page), [{
    sentence: "x",
    tests: [{ path: "a_test.ts", name: "one" }, { path: "b/c_test.ts", name: "another one" }],
  }]);
});
