import assert from "node:assert/strict";
import { checkDocs, checkPromises } from "./check_docs.ts";

const opening = "/** Volumes: what they are. @module */\n";

Deno.test("checkDocs() accepts documented exports, overloads and private declarations", () => {
  const text = opening +
    "/** Reads. */\nexport function read(): void;\nexport function read(x?: number) {}\n" +
    "function inner() {}\n/**\n * A thing.\n */\nexport interface Thing {}\n";
  assert.deepEqual(checkDocs("model/a.ts", text), []);
});

Deno.test("checkDocs() refuses a file without an opening comment", () => {
  assert.equal(checkDocs("model/a.ts", "const a = 1;\n/** Late. @module */\n").length, 1);
  assert.equal(checkDocs("model/a.ts", "/** About the next line. */\nconst a = 1;\n").length, 1);
});

Deno.test("checkDocs() names exports without a doc comment", () => {
  const text = opening +
    "export async function read() {}\n\nexport class Reader {}\nexport interface Read {}\n";
  assert.deepEqual(checkDocs("model/a.ts", text), [
    "model/a.ts:2: read is exported without a doc comment",
    "model/a.ts:4: Reader is exported without a doc comment",
    "model/a.ts:5: Read is exported without a doc comment",
  ]);
});

Deno.test("checkPromises() reports a missing test, a missing file, and a promise without either", async () => {
  const files: Record<string, string> = { "a_test.ts": 'Deno.test("a thing is kept for ever", ...);' };
  const check = (tests: string) =>
    checkPromises(
      `| promise | how | test |\n| --- | --- | --- |\n| It holds | so | ${tests} |\n\nMore.\n`,
      (path) => Promise.resolve(files[path]),
    );
  assert.deepEqual(await check("`a_test.ts`: a thing is kept for ever"), []);
  assert.deepEqual(await check("`a_test.ts`: a thing is kept; `a_test.ts`: thing is kept for ever"), []);
  assert.match((await check("`a_test.ts`: a thing is kept at times")).join(), /has no test "a thing/);
  assert.match((await check("`b_test.ts`: a thing is kept for ever")).join(), /there is no b_test/);
  assert.match((await check("`a_test.ts`: a")).join(), /has no test "a"/);
  assert.match((await check("somewhere")).join(), /no test shows: It holds/);
  assert.match((await checkPromises("nothing", () => Promise.resolve(undefined))).join(), /no table/);
});
