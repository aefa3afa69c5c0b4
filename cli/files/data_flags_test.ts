import assert from "node:assert/strict";
import { readDataFlags } from "./data_flags.ts";

const stdin = (text: string | Uint8Array<ArrayBuffer>) => new Response(text).body!;

Deno.test("readDataFlags() reads a value from standard input unchanged, once, and only with a key", async () => {
  const read = (fromFile: string[], text: string | Uint8Array<ArrayBuffer> = "pa55\n") =>
    readDataFlags({ fromLiteral: ["a=b=c"], fromFile }, stdin(text));
  assert.deepEqual(await read(["password=-"]), { a: "b=c", password: "pa55\n" });
  assert.deepEqual(await read(["password=-"], "\uFEFFé"), { a: "b=c", password: "\uFEFFé" });
  await assert.rejects(read(["-"]), /standard input needs a key/);
  await assert.rejects(read(["a2=-", "b=-"]), /can be read only once/);
  await assert.rejects(read(["a=-"]), /duplicate key "a"/);
  await assert.rejects(read(["x=-"], new Uint8Array([0xff])), /standard input is not text in UTF-8/);
  await assert.rejects(read(["x=-"], "x".repeat(8 * 1024 * 1024 + 1)), { code: "payload_too_large" });
});
