import assert from "node:assert/strict";
import { RuneError } from "./error.ts";
import { parseAccountId, resourcesSchema, securityContextSchema } from "./security.ts";
import { textsAsWritten } from "./text_fields.ts";

const TOO_LARGE = ["4294967295", "4294967296", "8589934592", "18446744073709551616", `${2 ** 60}`];

Deno.test("parseAccountId() reads digits one way, and refuses those that the kernel would read differently", () => {
  assert.equal(parseAccountId("0"), 0);
  assert.equal(parseAccountId("00"), 0);
  assert.equal(parseAccountId("0070"), 70);
  assert.equal(parseAccountId("4294967294"), 4294967294);
  for (const name of ["postgres", "0x0", "+0", "-1", "1e3", " 0"]) {
    assert.equal(parseAccountId(name), undefined);
  }
  for (const text of TOO_LARGE) {
    assert.throws(() => parseAccountId(text), (e) => e instanceof RuneError && e.code === "invalid_argument");
  }
});

Deno.test("securityContext refuses a user or group that wraps to another id", () => {
  for (const field of ["user", "group"]) {
    for (const value of [...TOO_LARGE, 4294967295, 4294967296, -1, 1.5]) {
      assert.equal(securityContextSchema.safeParse({ [field]: value }).success, false, `${field}: ${value}`);
    }
    const body = textsAsWritten({ [field]: 70 }, securityContextSchema);
    assert.deepEqual(securityContextSchema.parse(body), { [field]: "70" });
  }
});

Deno.test("securityContext accepts only names and ids that all programs read alike", () => {
  const odd = [
    "00",
    "0x0",
    " 0",
    "0 ",
    "+0",
    "-0",
    "1e3",
    "0.0",
    "0root",
    "0:0:0",
    ":0",
    "0:",
    "a b",
    "a\0",
    "/",
  ];
  for (const value of odd) {
    for (const field of ["user", "group"]) {
      assert.equal(securityContextSchema.safeParse({ [field]: value }).success, false, JSON.stringify(value));
    }
  }
  for (
    const user of ["root", "_apt", "www-data", "Müller", "svc$", "first.last@corp", "1000:1000", "app:70"]
  ) {
    assert.deepEqual(securityContextSchema.parse({ user }), { user });
  }
});

Deno.test("resources refuse a request above its limit, and a limit of zero", () => {
  const issues = (kind: "cpu" | "memory", amounts: { request?: string; limit?: string }) =>
    resourcesSchema.safeParse({ [kind]: amounts }).error?.issues.map(({ path, message }) =>
      `${path.join(".")}: ${message}`
    ) ?? [];
  assert.deepEqual(issues("memory", { request: "512Mi", limit: "256Mi" }), [
    "memory.request: expected at most the limit of 256Mi, found 512Mi",
  ]);
  assert.deepEqual(issues("cpu", { request: "1.5", limit: "500m" }), [
    "cpu.request: expected at most the limit of 500m, found 1.5",
  ]);
  assert.deepEqual(issues("memory", { request: "1000Ki", limit: "1024000" }), []);
  assert.deepEqual(issues("cpu", { request: "2" }), []);
  assert.match(issues("memory", { limit: "0" })[0]!, /^memory\.limit: a limit of 0 means no limit/);
});
