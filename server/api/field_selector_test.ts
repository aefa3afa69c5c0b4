import assert from "node:assert/strict";
import { KINDS } from "../../model/resource.ts";
import { readFieldSelector } from "./field_selector.ts";
import { RESOURCES } from "./openapi.ts";
import { okJson, problemOf, withServer } from "./server_fixture.ts";

const INHERITED = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf", "prototype"];

Deno.test("a field selector with an unknown field is a 400 for every kind", () =>
  withServer(async ({ send, cast }) => {
    await okJson(cast([
      ["configmap", { name: "a", data: { toString: "x", constructor: "y" }, labels: { toString: "x" } }],
      ["volume", { name: "v", size: "1Gi", accessMode: "ReadWriteOnce" }],
    ]));
    for (const { plural } of Object.values(KINDS).filter((kind) => kind.public)) {
      for (const name of INHERITED) {
        for (const field of [name, `spec.${name}`, `name.${name}`, `metadata.${name}.x`]) {
          for (const query of ["", "&watch=true"]) {
            const path = `/v1/${plural}?fieldSelector=${encodeURIComponent(`${field}=x`)}${query}`;
            await problemOf(send("GET", path), "invalid_argument");
          }
        }
      }
    }
    const typo = await problemOf(
      send("GET", "/v1/volumes?fieldSelector=spec.sise%3D1Gi"),
      "invalid_argument",
    );
    assert.match(`${typo.detail} ${typo.hint}`, /no field "spec\.sise".*did you mean "size"/);
    const map = await problemOf(send("GET", "/v1/configmaps?fieldSelector=labels%3Dx"), "invalid_argument");
    assert.match(map.detail, /a map or a list/);
    const found = await okJson(send("GET", "/v1/configmaps?fieldSelector=spec.data.toString%3Dx"));
    assert.equal(found.items.length, 1);
    const none = await okJson(send("GET", "/v1/configmaps?fieldSelector=spec.data.valueOf%3Dx"));
    assert.equal(none.items.length, 0);
  }));

Deno.test("an inherited name as a size or an action is refused, and is no internal error", () =>
  withServer(async ({ cast }) => {
    for (const size of ["1constructor", "1toString", "1valueOf"]) {
      const problem = await problemOf(
        cast([["volume", { name: "v", size, accessMode: "ReadWriteOnce" }]]),
        "invalid_argument",
      );
      assert.match(problem.issues![0]!.message, /expected a size/);
    }
  }));

Deno.test("readFieldSelector() accepts every field of a kind", () => {
  const read = (kind: keyof typeof RESOURCES, text: string) =>
    readFieldSelector(text, { kind, schema: RESOURCES[kind] });
  read(
    "instance",
    "spec.service=web,status=Running,spec.template.image=x,status.lastFailure.reason=CrashLoop",
  );
  read("service", "spec.ports.0.port=80,labels.app=y,spec.env.A=b,state!=Running");
  read("event", "spec.object.kind=service,spec.object.name=web,spec.type=Warning");
  read("volume", "status=Bound,name=v,namespace=default,spec.storageClassName=local");
});
