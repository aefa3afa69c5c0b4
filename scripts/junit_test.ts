import assert from "node:assert/strict";
import { findForbiddenSkips, parseReport } from "./junit.ts";

const suite = (cases: string) =>
  `<?xml version="1.0"?><testsuites name="deno test"><testsuite name="./a_test.ts">${cases}</testsuite></testsuites>`;
const testcase = (name: string, content = "") =>
  `<testcase name="${name}" classname="./a_test.ts" time="0.1" line="1" col="6">${content}</testcase>`;

Deno.test("parseReport() counts passed and failed tests and names the skipped ones", () => {
  const xml = suite(
    testcase("good") + testcase("bad", '<failure message="x">a &lt;/testcase&gt;</failure>') +
      testcase("left out", "\n  <skipped/>\n"),
  );
  assert.deepEqual(parseReport(xml), { passed: 1, failed: 1, skipped: ["./a_test.ts: left out"] });
});

Deno.test("parseReport() counts a test with steps once, and names a skipped step", () => {
  const xml = suite(
    testcase("t") + testcase("t &gt; one") + testcase("t &gt; two") +
      testcase("t &gt; two &gt; deep", "<skipped/>"),
  );
  assert.deepEqual(parseReport(xml), { passed: 1, failed: 0, skipped: ["./a_test.ts: t > two > deep"] });
});

Deno.test("parseReport() accepts a ' > ' in a test's own name", () => {
  assert.equal(parseReport(suite(testcase("1 &gt; 0 &amp; &quot;so on&quot;"))).passed, 1);
});

Deno.test("parseReport() finds nothing in an empty report", () => {
  assert.deepEqual(parseReport(""), { passed: 0, failed: 0, skipped: [] });
});

Deno.test("findForbiddenSkips() lets only the tests be skipped that need what no package has", async () => {
  const optional = "tests/fakes/digitalocean/description_test.ts";
  // A file that was moved must be moved in the list too.
  assert.ok((await Deno.stat(new URL(`../${optional}`, import.meta.url))).isFile);
  const skipped = [`./${optional}: the fake`, "./tests/crash_test.ts: a crash"];
  assert.deepEqual(findForbiddenSkips({ passed: 0, failed: 0, skipped }), ["./tests/crash_test.ts: a crash"]);
});
