import assert from "node:assert/strict";
import { matchesFields, matchesLabels, parseFieldSelector, parseLabelSelector } from "./selector.ts";

Deno.test("label selectors match as Kubernetes' do", () => {
  const labels = { app: "web", tier: "front" };
  const table: [string, boolean][] = [
    ["app=web", true],
    ["app==web,tier=front", true],
    ["app!=web", false],
    ["missing!=x", true],
    ["app in (web, api)", true],
    ["app notin (web)", false],
    ["missing notin (a)", true],
    ["tier", true],
    ["!tier", false],
    ["!missing", true],
    ["toString", false],
    ["", true],
  ];
  for (const [selector, matches] of table) {
    assert.equal(matchesLabels(labels, parseLabelSelector(selector)), matches, selector);
  }
});

Deno.test("parseLabelSelector() refuses malformed terms", () => {
  for (const text of ["a=b=c", "in (a)", "a in b", "=x", "a b"]) {
    assert.throws(() => parseLabelSelector(text), { code: "invalid_argument" }, text);
  }
});

Deno.test("field selectors reach into resources, and `status` means the state", () => {
  const volume = { name: "v", status: { state: "Bound", handle: "/x" }, spec: {} };
  const table: [string, boolean][] = [
    ["status=Bound", true],
    ["status!=Bound", false],
    ["name=v,status.handle=/x", true],
    ["spec.owner=", true],
    ["spec.owner=x", false],
    ["spec.constructor.name=Object", false],
  ];
  for (const [selector, matches] of table) {
    assert.equal(matchesFields(volume, parseFieldSelector(selector)), matches, selector);
  }
});
