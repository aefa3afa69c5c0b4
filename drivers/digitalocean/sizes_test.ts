import assert from "node:assert/strict";
import { parseBytes } from "../../model/quantity.ts";
import { bytesOf, gigabytesOf } from "./sizes.ts";

Deno.test("gigabytesOf() rounds up to whole decimal GB, as the guide says", () => {
  const sizes = { "1Gi": 2, "1G": 1, "10Gi": 11, "10G": 10, "1Ki": 1, "2001M": 3, "16384G": 16384 };
  for (const [size, gigabytes] of Object.entries(sizes)) {
    assert.equal(gigabytesOf(parseBytes(size)), gigabytes, size);
  }
});

Deno.test("bytesOf() is never less than what was asked for", () => {
  for (let bytes = 1; bytes < 2e13; bytes = bytes * 3 + 1) assert.ok(bytesOf(gigabytesOf(bytes)) >= bytes);
});
