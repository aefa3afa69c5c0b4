import assert from "node:assert/strict";
import { jsonErrorPlace } from "./json_position.ts";

const BAD: Record<string, string> = {
  "": "line 1, column 1",
  "{": "line 1, column 2",
  '{\n "a": [,]}': "line 2, column 8",
  '{"a": 1,}': "line 1, column 9",
  "[1 2]": "line 1, column 4",
  '{"a" 1}': "line 1, column 6",
  "{a: 1}": "line 1, column 2",
  "[1}": "line 1, column 3",
  "[01]": "line 1, column 2",
  "[tru]": "line 1, column 2",
  '["a\n"]': "line 1, column 2",
  '["\\x"]': "line 1, column 2",
  "[1]]": "line 1, column 4",
  "1 2": "line 1, column 3",
  '{\n  "a": {"b": [true, null, -1.5e3, "x\\u00e9"]}\n  "c": 1}': "line 3, column 3",
};

Deno.test("jsonErrorPlace() points at the first thing that is not JSON", () => {
  for (const [text, place] of Object.entries(BAD)) {
    assert.throws(() => JSON.parse(text), text);
    assert.equal(jsonErrorPlace(text), place, text);
  }
});
