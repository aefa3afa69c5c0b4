/**
 * Writes docs/reference/ from the schemas, drivers and routes: every field of a castfile, every parameter of
 * a driver, every route of the API. `deno task docs` writes the pages; with `--check`, as `deno task ok`
 * does, it fails when they differ. A field without a row in `model/field_docs/` fails, and so does a row
 * without a field.
 * @module
 */
import { listFields } from "../model/field_docs/fields.ts";
import { FIELD_DOCS } from "../model/field_docs/kinds.ts";
import { BODIES, type CastKind } from "../model/declared.ts";
import { driverDocs } from "../drivers/registry.ts";
import { endpoints } from "../server/api/app.ts";
import { withServer } from "../server/api/server_fixture.ts";
import { apiPage, findMismatches, INDEX, kindPage, PAGES } from "./reference_pages.ts";
import { driverPage } from "./driver_page.ts";
import { ROOT } from "./tree.ts";

const FOLDER = "docs/reference";

/** Markdown as `deno fmt` formats it. */
async function format(page: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const sent = child.stdin.getWriter();
  await sent.write(new TextEncoder().encode(page));
  await sent.close();
  const { code, stdout, stderr } = await child.output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Every page by path, formatted. @throws {Error} if fields and docs do not match. */
async function makePages(): Promise<Map<string, string>> {
  const pages = new Map([[`${FOLDER}/README.md`, INDEX], [`${FOLDER}/drivers.md`, driverPage(driverDocs())]]);
  const wrong: string[] = [];
  for (const kind of Object.keys(BODIES) as CastKind[]) {
    const fields = listFields(BODIES[kind]);
    wrong.push(...findMismatches(kind, fields, FIELD_DOCS[kind]));
    if (wrong.length === 0) {
      pages.set(`${FOLDER}/${PAGES[kind].file}`, kindPage(kind, fields, FIELD_DOCS[kind]));
    }
  }
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  await withServer(({ deps }) => {
    pages.set(`${FOLDER}/api.md`, apiPage(endpoints(deps)));
    return Promise.resolve();
  });
  return new Map(
    await Promise.all([...pages].map(async ([path, page]) => [path, await format(page)] as const)),
  );
}

/** Writes the pages, or with `check` names those that differ. @returns whether everything is up to date. */
async function main({ check }: { check: boolean }): Promise<boolean> {
  const pages = await makePages();
  await Deno.mkdir(`${ROOT}/${FOLDER}`, { recursive: true });
  let current = true;
  for (const { name } of Deno.readDirSync(`${ROOT}/${FOLDER}`)) {
    if (pages.has(`${FOLDER}/${name}`)) continue;
    current = false;
    console.error(`${FOLDER}/${name} is not a page of scripts/reference.ts: delete it`);
  }
  for (const [path, page] of pages) {
    const before = await Deno.readTextFile(`${ROOT}/${path}`).catch(() => "");
    if (before === page) continue;
    if (check) console.error(`${path} is not up to date: run deno task docs`);
    else await Deno.writeTextFile(`${ROOT}/${path}`, page);
    current &&= !check;
  }
  return current;
}

if (import.meta.main) Deno.exit(await main({ check: Deno.args.includes("--check") }) ? 0 : 1);
