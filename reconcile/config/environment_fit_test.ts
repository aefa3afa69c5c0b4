import assert from "node:assert/strict";
import { templateOf } from "../../model/instance.ts";
import { serviceSpec } from "../testing/resources.ts";
import { requireFits } from "./environment_fit.ts";

const long = "x".repeat(131_071);

Deno.test("requireFits() refuses a variable that a secret makes too long, and names the variable but never the value", () => {
  const template = templateOf(serviceSpec({ args: ["a", "b"] }));
  requireFits({ template }, { A: "1", B: "x".repeat(131_000) });
  assert.throws(() => requireFits({ template }, { OK: "1", TOKEN: long }), {
    code: "failed_precondition",
    permanent: false,
    message: "the variable TOKEN has 131077 bytes, and Linux passes on at most 131071",
    hint: /mount it/,
  });
});

Deno.test("requireFits() checks the arguments of a container, a process and a step", () => {
  const word = `${long}x`;
  for (const fields of [{ args: [word] }, { command: [word] }]) {
    assert.throws(
      () => requireFits({ template: templateOf(serviceSpec(fields)) }, {}),
      /word 1 of the command/,
    );
  }
  const process = { image: undefined, process: { command: "/bin/x", args: [word] } };
  assert.throws(
    () => requireFits({ template: templateOf(serviceSpec(process)) }, {}),
    /word 2 of the command/,
  );
  const template = templateOf(serviceSpec({ initSteps: [{ name: "s", command: ["a", "b"], args: [word] }] }));
  requireFits({ template }, {});
  assert.throws(() => requireFits({ template, step: template.initSteps[0] }, {}), /word 3 of the command/);
});
