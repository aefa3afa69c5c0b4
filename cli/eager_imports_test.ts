/**
 * What a command loads before it does anything: most of the time of a short one. `deno info` says what is
 * imported.
 * @module
 */
import assert from "node:assert/strict";
import { capture } from "../scripts/command.ts";
import { ROOT } from "../scripts/tree.ts";

interface Graph {
  modules: {
    specifier: string;
    dependencies?: { isDynamic?: boolean; code?: { specifier?: string } }[];
  }[];
}

/** Commands that read and show, and what tells shells about words: they check nothing that a user wrote. */
const QUICK = [
  ...["get", "events", "exec", "status", "history", "health", "whoami", "version", "complete", "completion"],
];

async function readGraph(): Promise<Graph> {
  const info = await capture([Deno.execPath(), "info", "--json", "--no-lock", "main.ts"], { cwd: ROOT });
  assert.equal(info.code, 0, info.stderr);
  return JSON.parse(info.stdout);
}

/**
 * The way from one of the files to a package by imports that are not `await import()`; undefined where there
 * is none.
 */
function findWay({ modules }: Graph, files: string[], pkg: string): string[] | undefined {
  const imports = new Map(modules.map(({ specifier, dependencies }) => [
    specifier,
    (dependencies ?? []).flatMap((d) => d.isDynamic || !d.code?.specifier ? [] : [d.code.specifier]),
  ]));
  const waiting = files.map((file) => [`file://${ROOT}/${file}`]);
  const seen = new Set(waiting.flat());
  for (const way of waiting) {
    const last = way.at(-1)!;
    assert.ok(last.startsWith("npm:") || imports.has(last), `${last} is not in the graph`);
    for (const to of imports.get(last) ?? []) {
      if (to.startsWith(`npm:${pkg}@`)) return [...way, to];
      if (seen.has(to) || !to.includes("/")) continue;
      seen.add(to);
      if (to.startsWith("file:")) waiting.push([...way, to]);
    }
  }
  return undefined;
}

/** Packages that take long to load. */
const SLOW = ["zod", "string-width", "yaml"];

Deno.test("commands that only read and show load no package that takes long before they need it", async () => {
  const graph = await readGraph();
  for (const command of QUICK) {
    for (const slow of SLOW) {
      const way = findWay(graph, ["main.ts", "cli/main.ts", `cli/commands/${command}.ts`], slow);
      assert.equal(way, undefined, `rune ${command}: ${way?.join("\n  > ")}`);
    }
  }
  // The check sees a package where one is loaded.
  assert.ok(findWay(graph, ["cli/commands/cast.ts"], "zod"));
  assert.ok(findWay(graph, ["cli/main.ts"], "@commander-js/extra-typings"));
});
