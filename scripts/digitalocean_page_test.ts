/** Holds the tables of docs/digitalocean.md to the driver. @module */
import assert from "node:assert/strict";
import { OPERATIONS } from "../drivers/digitalocean/operations.ts";
import { bytesOf, gigabytesOf } from "../drivers/digitalocean/sizes.ts";
import { parseBytes } from "../model/quantity.ts";
import { readTable } from "./doc_tables.ts";
import { ROOT } from "./tree.ts";

const page = await Deno.readTextFile(`${ROOT}/docs/digitalocean.md`);

Deno.test("readTable() finds a table by the heading of its first column", () => {
  const text = "# x\n\n| a | b |\n| - | - |\n| `1 2` | see `c` |\n\n| d |\n| - |\n| e |";
  assert.deepEqual(readTable(text, "a"), [["1 2", "see `c`"]]);
  assert.deepEqual(readTable(text, "d"), [["e"]]);
  assert.deepEqual(readTable(text, "b"), []);
});

Deno.test("the page names each request of the driver with its scope, and no others", () => {
  const shown = readTable(page, "scope").map(([scope, request]) => `${scope} ${request}`);
  const sent = Object.values(OPERATIONS).map(({ scope, method, path }) => `${scope} ${method} ${path}`);
  assert.deepEqual(shown.sort(), sent.sort());
});

Deno.test("the token of the page's first step has exactly the scopes of the driver", () => {
  const granted = readTable(page, "resource").flatMap(([resource, operations]) =>
    operations!.split(";")[0]!.match(/\w+/g)!.map((operation) => `${resource}:${operation}`)
  );
  const needed = [...new Set(Object.values(OPERATIONS).map(({ scope }) => scope))];
  assert.deepEqual(granted.sort(), needed.sort());
});

Deno.test("the page's sizes are those that the driver asks for", () => {
  const rows = readTable(page, "size");
  assert.ok(rows.length > 0);
  for (const [size, bytes, billed, device] of rows) {
    const asked = parseBytes(size!);
    const gigabytes = gigabytesOf(asked);
    assert.deepEqual(
      [bytes, billed, device],
      [asked.toLocaleString("en"), `${gigabytes} GB`, `${bytesOf(gigabytes) / 2 ** 30} GiB`],
      size,
    );
  }
});

/** Messages without a row, and why. */
const WITHOUT_ROW: Record<string, string> = {
  "${found.length} volumes have the name ${name} in ${region}": "DigitalOcean permits no second one",
  "wait for the device of volume ${name}": "says what a call was doing when its time was over",
};

/** The parts of a message that are always the same. */
const piecesOf = (message: string) =>
  message.split(/\$\{[^}]*\}?/).filter((piece) => piece.trim().length > 5);

Deno.test("every message of the driver has a row in the failure table", async () => {
  const rows = readTable(page, "message").map(([message]) => message!);
  const missing: string[] = [];
  let messages = 0;
  for (const { name } of Deno.readDirSync(`${ROOT}/drivers/digitalocean`)) {
    if (!name.endsWith(".ts") || name.endsWith("_test.ts")) continue;
    const source = await Deno.readTextFile(`${ROOT}/drivers/digitalocean/${name}`);
    for (const [, template, text] of source.matchAll(/`dovolume: ([^`\n]+)|"dovolume: ([^"\n]+)/g)) {
      const message = template ?? text!;
      const pieces = piecesOf(message);
      messages++;
      if (pieces.length === 0 || Object.hasOwn(WITHOUT_ROW, message)) continue;
      if (!rows.some((row) => pieces.every((piece) => row.includes(piece)))) missing.push(message);
    }
  }
  assert.deepEqual(missing, []);
  assert.ok(messages > 20, `${messages} messages`);
});
