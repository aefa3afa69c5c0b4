import assert from "node:assert/strict";
import { BODIES } from "../../model/declared.ts";
import { defOf, schemasAt } from "../../model/schema_parts.ts";
import { textsAsWritten } from "../../model/text_fields.ts";
import { FIELDS, JSON_TEXTS, valueAt } from "../../model/text_fields_fixture.ts";
import { parseJsonTexts } from "./json_texts.ts";
import { okJson, withServer } from "../api/server_fixture.ts";

Deno.test("parseJsonTexts() changes only numbers that JavaScript would write differently", () => {
  const odd = String.raw`{"a\"1.10":[1.10,-0,1E5,12,true,null],"b":"1.10 \\","c\\":{"d":90071992547409931}}`;
  assert.deepEqual(parseJsonTexts(odd), {
    'a"1.10': ["1.10", "-0", "1E5", 12, true, null],
    b: "1.10 \\",
    "c\\": { d: "90071992547409931" },
  });
  for (const text of ['""', "0", "1.5", "[]", '{"a":-1}', '"\\\\\\""', " 7 "]) {
    assert.deepEqual(parseJsonTexts(text), JSON.parse(text));
  }
  const long = `["${"\\\\".repeat(500_000)}",${"1.0,".repeat(100_000)}0]`;
  assert.equal((parseJsonTexts(long) as unknown[]).length, 100_002);
});

Deno.test("every text field of every kind keeps the text of a JSON body", () => {
  assert.ok(JSON_TEXTS.length > 5, JSON_TEXTS.join());
  for (const { kind, path, write, isKey } of FIELDS) {
    if (isKey || schemasAt(BODIES[kind], path).some((form) => defOf(form).type === "number")) continue;
    for (const text of JSON_TEXTS) {
      const body = write(text);
      const found = textsAsWritten(JSON.parse(body), BODIES[kind], { texts: parseJsonTexts(body) });
      assert.equal(valueAt(found, path), text, `${kind} ${body}`);
    }
  }
});

Deno.test("PUT, POST and cast store the text of the request", () =>
  withServer(async ({ send, store }) => {
    const env = '{"RATIO":1.10,"ACCOUNT":90071992547409931,"COMMIT":5308e64,"FLAG":true,"__proto__x":1.0}';
    const expected = {
      RATIO: "1.10",
      ACCOUNT: "90071992547409931",
      COMMIT: "5308e64",
      FLAG: "true",
      "__proto__x": "1.0",
    };
    const body = (name: string) =>
      `{"name":${name},"process":{"command":"/bin/sleep","args":[1.50]},"env":${env}}`;
    const services = "/v1/namespaces/default/services";
    assert.equal((await send("PUT", `${services}/put`, body('"put"'))).status, 201);
    assert.equal((await send("POST", services, body("1e3"))).status, 201);
    await okJson(send("POST", "/v1/cast", `{"resources":[{"kind":"service","body":${body('"cast"')}}]}`));
    for (const name of ["put", "1e3", "cast"]) {
      const { spec } = store.get("service", "default", name)!;
      assert.deepEqual({ ...spec.env }, expected, name);
      assert.deepEqual(spec.process!.args, ["1.50"]);
    }
    const again = await okJson(
      send("POST", "/v1/cast", `{"resources":[{"kind":"service","body":${body('"cast"')}}]}`),
    );
    assert.equal(again.results[0].action, "unchanged");
  }));
