import assert from "node:assert/strict";
import { okJson, problemOf, withServer } from "./server_fixture.ts";

const VALUE = "correct-horse-battery";
const ns = "/v1/namespaces/default";
const secret = (data: unknown, more: object = {}): [string, Record<string, unknown>] => [
  "secret",
  { name: "db", data, ...more },
];

Deno.test("a secret is cast, unchanged, changed and deleted; its version counts changes of its values", () =>
  withServer(async ({ cast, send, deps, store }) => {
    const [made] = (await okJson(cast([secret({ password: VALUE, user: "me" }, { type: "login" })]))).results;
    assert.deepEqual([made.action, made.changes], ["created", []]);
    const stored = await okJson(send("GET", `${ns}/secrets/db`));
    assert.deepEqual(stored.spec, { type: "login", keys: ["password", "user"], version: 1 });
    const revision = store.revision;
    const list = [{ key: "user", value: "me" }, { key: "password", value: VALUE }];
    const [same] = (await okJson(cast([secret(list, { type: "login" })]))).results;
    assert.deepEqual([same.action, store.revision], ["unchanged", revision]);
    const [relabelled] =
      (await okJson(cast([secret({ password: VALUE, user: "me" }, { type: "login", labels: { a: "b" } })])))
        .results;
    assert.deepEqual([relabelled.action, relabelled.changes.map((c: { path: string }) => c.path)], [
      "configured",
      ["labels.a"],
    ]);
    const [changed] = (await okJson(cast([secret({ password: `${VALUE}2`, host: "h" })]))).results;
    assert.deepEqual(changed.changes, [
      { path: "type", from: "login" },
      { path: "labels.a", from: "b" },
      { path: "data.host", to: "(hidden)" },
      { path: "data.password", from: "(hidden)", to: "(changed)" },
      { path: "data.user", from: "(hidden)" },
    ]);
    assert.equal((await okJson(send("GET", `${ns}/secrets/db`))).spec.version, 2);
    assert.deepEqual(await deps.secrets.readSecret("default", "db"), { password: `${VALUE}2`, host: "h" });
    await okJson(send("DELETE", `${ns}/secrets/db`));
    await assert.rejects(deps.secrets.readSecret("default", "db"), { code: "not_found" });
    assert.deepEqual(store.list("sealedSecret"), []);
    await okJson(cast([secret({ password: VALUE })]));
    assert.equal((await okJson(send("GET", `${ns}/secrets/db`))).spec.version, 1);
  }));

Deno.test("a dry run, a refused cast and a race leave no value, version or key behind", () =>
  withServer(async ({ cast, deps, store }) => {
    const keys = () => store.metaKeys("data-key/");
    await okJson(cast([secret({ password: VALUE })], { dryRun: true }));
    await problemOf(
      cast([secret({ password: VALUE }), ["volume", {
        name: "v",
        size: "1",
        accessMode: "ReadWriteOnce",
        storageClassName: "nope",
      }]]),
      "invalid_argument",
    );
    assert.deepEqual([store.list("sealedSecret"), await keys()], [[], []]);
    const values = Array.from({ length: 8 }, (_, i) => `v${i}`);
    await Promise.all(values.map((password) => okJson(cast([secret({ password })]))));
    const { password } = await deps.secrets.readSecret("default", "db");
    assert.ok(values.includes(password!));
    assert.equal(store.get("secret", "default", "db")!.spec.version, 8);
    // The keys of replaced versions are destroyed after the last write.
    await deps.secrets.discard({ version: 0, keyId: "none", iv: "", ciphertext: "" });
    assert.equal((await keys()).length, 1);
  }));

Deno.test("no answer, watch, event, history or error contains a value of a secret", () =>
  withServer(async ({ send, cast, store }) => {
    const watch = await send("GET", "/v1/secrets?watch=true");
    const answers: string[] = [];
    const bodies: unknown[] = [
      { password: VALUE },
      { password: [VALUE] },
      { password: { [VALUE]: VALUE } },
      [{ key: "a", valeu: VALUE }],
      VALUE,
      { "bad key": VALUE },
      { password: VALUE.repeat(10_000) },
    ];
    for (const data of bodies) {
      for (const dryRun of [true, false]) answers.push(await (await cast([secret(data)], { dryRun })).text());
      answers.push(await (await send("PUT", `${ns}/secrets/db`, { data })).text());
      answers.push(
        await (await send("POST", `${ns}/secrets`, { name: "db", data, [VALUE.slice(0, 3)]: 1 })).text(),
      );
    }
    answers.push(await (await send("PUT", `${ns}/secrets/db`, `{"data": {"password": "${VALUE}"`)).text());
    answers.push(await (await send("GET", "/v1/secrets")).text());
    answers.push(await (await send("GET", "/v1/secrets?fieldSelector=spec.version%3D1")).text());
    const reader = watch.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes('"put"')) text += (await reader.read()).value ?? "";
    await reader.cancel();
    answers.push(text, JSON.stringify(store.list("secret")), JSON.stringify(store.list("sealedSecret")));
    // An error names the unknown key of a body, so a value in place of a key is repeated.
    for (const answer of answers.filter((a) => !a.includes("unknown field"))) {
      assert.equal(answer.includes(VALUE), false, answer);
    }
  }));
