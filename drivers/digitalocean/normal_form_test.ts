import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { normalizeParameters } from "./normal_form.ts";

Deno.test("normalizeParameters() turns apiTokenSecretRef into the reference that apiToken holds", () => {
  assert.deepEqual(
    normalizeParameters({ region: "nyc3", fsType: "ext4", apiTokenSecretRef: "do/api-token" }),
    { region: "nyc3", fsType: "ext4", apiToken: "secret:api-token.do.rune/token" },
  );
});

Deno.test("normalizeParameters() returns parameters without it as they are", () => {
  const parameters = { region: "nyc3", apiToken: "secret:do-api-token.shared.rune/token" };
  assert.equal(normalizeParameters(parameters), parameters);
  const empty = {};
  assert.equal(normalizeParameters(empty), empty);
});

const WRONG: Record<string, [Record<string, string>, path: string]> = {
  "both ways at once": [{ apiToken: "secret:a/b", apiTokenSecretRef: "do/t" }, "apiTokenSecretRef"],
  "a name without a namespace": [{ apiTokenSecretRef: "api-token" }, "apiTokenSecretRef"],
  "a key behind the name": [{ apiTokenSecretRef: "do/api-token/token" }, "apiTokenSecretRef"],
  "a reference in the other form": [{ apiTokenSecretRef: "secret:t.do.rune/token" }, "apiTokenSecretRef"],
  "the token itself": [{ apiTokenSecretRef: "dop_v1_0123456789abcdef" }, "apiTokenSecretRef"],
  "nothing": [{ apiTokenSecretRef: "" }, "apiTokenSecretRef"],
  "an unknown parameter": [{ apiTokn: "dop_v1_0123456789abcdef" }, "apiTokn"],
};

for (const [what, [parameters, path]] of Object.entries(WRONG)) {
  Deno.test(`normalizeParameters() refuses ${what}, and repeats no value`, () => {
    assert.throws(() => normalizeParameters(parameters), (error) => {
      assert.ok(error instanceof RuneError);
      assert.deepEqual([error.code, error.issues?.map((issue) => issue.path.join("."))], [
        "invalid_argument",
        [
          path,
        ],
      ]);
      assert.doesNotMatch(JSON.stringify([error.message, error.hint, error.issues]), /dop_v1_/);
      return true;
    });
  });
}
