/** A secret that stands in storage parameters itself is warned of, and shown by no route. @module */
import assert from "node:assert/strict";
import type { Service } from "../../model/service.ts";
import { makeInstance } from "../../reconcile/testing/resources.ts";
import { endpoints } from "./app.ts";
import {
  okJson,
  problemOf,
  service,
  template,
  type TestServer,
  volume,
  withServer,
} from "./server_fixture.ts";

const TOKEN = "dop_v1_0123456789abcdef";
const LITERAL = { region: "nyc3", apiToken: TOKEN };
const HIDDEN = { region: "nyc3", apiToken: "(hidden)" };
const REFERENCE = { region: "nyc3", apiToken: "secret:api.do.rune/token" };

type Set = Parameters<TestServer["cast"]>[0];

/** A class, a volume and a claim template with the same parameters of their own. */
const declareAll = (parameters: object): Set => [
  ["storageClass", { name: "cloud", driver: "do-volume", parameters }],
  volume("web", { storageClassName: "cloud", parameters }),
  service("web", { scale: 0, volumes: [template({ storageClassName: "cloud", parameters })] }),
];

/** The server, whose controllers have copied the parameters to everywhere that they copy them to. */
async function copyEverywhere(
  { store }: TestServer,
  driverParameters: Record<string, string>,
): Promise<void> {
  await store.transact((tx) => {
    const made = tx.get("volume", "default", "web")!;
    tx.update(made, { status: { ...made.status, driver: "do-volume", driverParameters } });
    const snapshot = tx.get("snapshot", "default", "web")!;
    tx.update(snapshot, { status: { ...snapshot.status, driver: "do-volume", driverParameters } });
    const { uid: _, ...instance } = makeInstance(tx.get("service", "default", "web") as Service, 0);
    tx.create<"instance">({ ...instance, name: "web" });
  });
}

Deno.test("no GET shows a secret that stands in a declaration itself, from whatever it was copied to", () =>
  withServer(async (server) => {
    const { cast, send, deps } = server;
    await okJson(cast([...declareAll(LITERAL), ["snapshot", { name: "web", source: { volume: "web" } }]]));
    await copyEverywhere(server, LITERAL);
    const named: Record<string, string> = { storageclasses: "cloud" };
    let masked = 0;
    for (const { method, path } of endpoints(deps)) {
      // It asks the provider: tests/do_token_test.ts reads its answer.
      if (method !== "get" || path === "/v1/volumes/orphans") continue;
      const name = named[path.split("/")[2]!] ?? "web";
      const real = path.replace("{namespace}", "default").replace(/\{\w+\}/g, name);
      const answer = await send("GET", real);
      if (answer.headers.get("content-type")?.startsWith("text/event-stream")) {
        await answer.body!.cancel();
        continue;
      }
      const text = await answer.text();
      assert.equal(text.includes(TOKEN), false, `GET ${real}`);
      if (text.includes('"apiToken":"(hidden)"')) masked++;
    }
    // One, all, and all of the namespace of four kinds; both of the class; the history.
    assert.equal(masked, 4 * 3 + 2 + 1);
  }));

Deno.test("a watch masks such a secret, and no selector guesses it", () =>
  withServer(async ({ cast, send }) => {
    const watch = await send("GET", "/v1/storageclasses?watch=true");
    await okJson(cast(declareAll(LITERAL)));
    const reader = watch.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes('"name":"cloud"')) text += (await reader.read()).value ?? "";
    await reader.cancel();
    assert.match(text, /"apiToken":"\(hidden\)"/);
    assert.equal(text.includes(TOKEN), false);
    const count = async (value: string) =>
      (await okJson(send("GET", `/v1/storageclasses?fieldSelector=spec.parameters.apiToken=${value}`))).items
        .length;
    assert.equal(await count(TOKEN), 0);
    assert.equal(await count("(hidden)"), 1);
  }));

Deno.test("no answer to a write shows such a secret: results, changes, refusals", () =>
  withServer(async ({ cast, send }) => {
    const answers: string[] = [];
    const keep = async (answer: Promise<Response>) => answers.push(await (await answer).text());
    for (const dryRun of [true, false]) await keep(cast(declareAll(LITERAL), { dryRun }));
    await keep(cast(declareAll({ ...LITERAL, region: "no such region!" })));
    await keep(cast(declareAll({ ...LITERAL, apiTokenSecretRef: TOKEN })));
    await keep(cast([["storageClass", { name: "b", driver: "locl", parameters: LITERAL }]]));
    await keep(cast([volume("b", { parameters: LITERAL })]));
    for (const dryRun of [true, false]) {
      const { results } = await okJson(
        cast([["storageClass", {
          name: "cloud",
          driver: "do-volume",
          parameters: { ...LITERAL, apiToken: "new" },
        }]], {
          dryRun,
        }),
      );
      assert.deepEqual(results[0].changes, [
        { path: "parameters.apiToken", from: "(hidden)", to: "(changed)" },
      ]);
    }
    await keep(send("PUT", "/v1/storageclasses/cloud", { driver: "do-volume", parameters: LITERAL }));
    await keep(send("POST", "/v1/storageclasses", { name: "c", driver: "do-volume", parameters: LITERAL }));
    await keep(send("POST", "/v1/storageclasses/c/actions/set-default"));
    await keep(send("POST", "/v1/namespaces/default/volumes/web/actions/resize", { size: "2Gi" }));
    await keep(send("POST", "/v1/namespaces/default/services/web/actions/scale", { scale: 0 }));
    await keep(send("DELETE", "/v1/namespaces/default/volumes/web"));
    assert.ok(answers.filter((answer) => answer.includes("(hidden)")).length >= 5);
    for (const answer of answers) assert.equal(answer.includes(TOKEN), false, answer);
    const { results } = await okJson(cast([["storageClass", {
      name: "cloud",
      driver: "do-volume",
      parameters: REFERENCE,
    }]]));
    assert.deepEqual(results[0].changes, [
      { path: "parameters.apiToken", from: "(hidden)", to: REFERENCE.apiToken },
    ]);
  }));

Deno.test("a cast warns of each such secret, in a dry run too, and not of a reference", () =>
  withServer(async ({ cast }) => {
    for (const dryRun of [true, false]) {
      const { warnings } = await okJson(cast(declareAll(LITERAL), { dryRun }));
      assert.equal(warnings.length, 3);
      assert.match(
        warnings[0],
        /^storageClass cloud holds a secret in parameters\.apiToken, .*secret:<name>/,
      );
      assert.match(warnings[1], /^volume default\/web holds/);
      assert.match(warnings[2], /^service default\/web holds a secret in volumes\[0\]\.claimTemplate\.param/);
      assert.equal(warnings.join().includes(TOKEN), false);
    }
    const many = Array.from(
      { length: 30 },
      (_, i) => volume(`v${i}`, { storageClassName: "cloud", parameters: LITERAL }),
    );
    const { warnings } = await okJson(cast(many));
    assert.deepEqual([warnings.length, warnings.at(-1)], [21, "and 10 more that hold a secret"]);
    const secret: Set = [["secret", { name: "api", namespace: "do", data: { token: TOKEN } }]];
    assert.equal(
      (await okJson(cast([...secret, ["storageClass", {
        name: "other",
        driver: "do-volume",
        parameters: REFERENCE,
      }]]))).warnings,
      undefined,
    );
  }));

Deno.test("what was read can be cast again: the mask keeps the stored secret, beside unchanged parameters alone", () =>
  withServer(async ({ cast, store }) => {
    await okJson(cast(declareAll(LITERAL)));
    const { results } = await okJson(cast(declareAll(HIDDEN)));
    assert.deepEqual(results.map((r: { action: string }) => r.action), [
      "unchanged",
      "unchanged",
      "unchanged",
    ]);
    const labelled = ["storageClass", {
      name: "cloud",
      driver: "do-volume",
      parameters: HIDDEN,
      labels: { a: "b" },
    }];
    await okJson(cast([labelled as Set[number]]));
    assert.deepEqual(store.get("storageClass", "", "cloud")!.spec.parameters, LITERAL);
    const refused: Set = [
      ["storageClass", { name: "cloud", driver: "do-volume", parameters: { ...HIDDEN, region: "fra1" } }],
      ["storageClass", { name: "copy", driver: "do-volume", parameters: HIDDEN }],
      volume("copy", { storageClassName: "cloud", parameters: HIDDEN }),
      service("copy", { volumes: [template({ storageClassName: "cloud", parameters: HIDDEN })] }),
      service("web", {
        scale: 0,
        volumes: [{ ...template({ storageClassName: "cloud", parameters: HIDDEN }), name: "other" }],
      }),
    ];
    for (const resource of refused) {
      const { issues } = await problemOf(cast([resource]), "invalid_argument");
      assert.equal(issues!.length, 1);
      assert.equal(issues![0]!.path.at(-1), "apiToken");
      assert.match(issues![0]!.message, /"\(hidden\)" stands for the stored secret/);
    }
    await okJson(cast([["storageClass", { name: "cloud", driver: "do-volume", parameters: REFERENCE }]]));
    await problemOf(
      cast([["storageClass", { name: "cloud", driver: "do-volume", parameters: HIDDEN }]]),
      "invalid_argument",
    );
  }));
