import assert from "node:assert/strict";
import { type OperationName, OPERATIONS } from "./operations.ts";
import { AnswerLost, ApiRefusal, isPending, parseRefusal } from "./refusals.ts";

const TOKEN = "dop_v1_0123456789abcdef";
const read = (name: OperationName, status: number, message: string) =>
  parseRefusal(name, { status, body: { id: "id", message, request_id: "r-1" }, token: TOKEN });

Deno.test("parseRefusal() names the missing scope of every operation", () => {
  for (const [name, { scope }] of Object.entries(OPERATIONS)) {
    const said = "You do not have access for the attempted action.";
    const error = read(name as OperationName, 403, said);
    assert.match(error.message, new RegExp(`lacks the scope ${scope}\\b`));
    assert.deepEqual([error.code, error.permanent], ["failed_precondition", false]);
  }
});

Deno.test("parseRefusal() does not take a quota for a missing scope", () => {
  for (const said of ["volume/snapshot capacity limit exceeded", "You have reached your volume quota"]) {
    const error = read("createVolume", 403, said);
    assert.match(error.message, /a limit of the account is reached: /);
    assert.doesNotMatch(error.message, /scope/);
    assert.equal(error.permanent, false);
  }
});

Deno.test("parseRefusal() says that a token was refused, and how to go on", () => {
  const error = read("readVolume", 401, "Unable to authenticate you");
  assert.match(error.message, /DigitalOcean refused the token/);
  assert.match(error.hint!, /rotate the secret/);
  assert.equal(error.permanent, false);
});

Deno.test("parseRefusal() shows DigitalOcean's own sentence and the id of the request", () => {
  const error = read("actOnVolume", 422, "cannot attach more than 15 volumes to a single Droplet");
  assert.match(error.message, /cannot attach more than 15 .*\(status 422, request r-1\)/);
  assert.deepEqual([error.code, error.permanent], ["failed_precondition", false]);
});

Deno.test("parseRefusal() never shows the token, even if DigitalOcean does", () => {
  for (const [status, body] of [[401, "no such token"], [403, "bad"], [422, "x".repeat(295)]] as const) {
    const { message } = read("readVolume", status, `${body} ${TOKEN}`);
    assert.ok(!message.includes("dop_v1"), message);
  }
});

Deno.test("parseRefusal() takes no answer of a proxy for one of DigitalOcean", () => {
  for (const status of [204, 302, 403, 404, 409, 422, 500, 502, 503]) {
    assert.throws(() => parseRefusal("readVolume", { status, body: undefined, token: TOKEN }), AnswerLost);
  }
  const limited = parseRefusal("readVolume", { status: 429, body: undefined, token: TOKEN });
  assert.equal(limited.code, "rate_limited");
});

Deno.test("isPending() recognises a busy droplet", () => {
  assert.ok(isPending(read("actOnVolume", 422, "Droplet already has a pending event.")));
  assert.ok(!isPending(read("actOnVolume", 422, "This volume is already attached")));
  assert.ok(!isPending(new ApiRefusal({ status: 403, said: "pending event", code: "conflict" }, "x", {})));
});
