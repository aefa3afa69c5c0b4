/** Renders the pages of docs/reference/ as Markdown, from fields and routes. Pure. @module */
import type { Field, FieldDoc, FieldDocs } from "../model/field_docs/fields.ts";
import type { CastKind } from "../model/declared.ts";
import type { Endpoint } from "../server/api/endpoint.ts";
import { describeAccess } from "../server/api/openapi.ts";

/** The first line of a generated page. */
export const WRITTEN =
  "<!-- `deno task docs` writes this page: change the schemas, model/field_docs/ or drivers/ instead. -->";

/** The page of one kind: its title, and the text before the table. */
export const PAGES: Record<CastKind, { file: string; title: string; opening: string }> = {
  service: {
    file: "service.md",
    title: "Service",
    opening:
      "A service is a program that Rune keeps running. The guides: [services](../services.md), [health](../health.md), [configuration](../configuration.md), [storage](../storage.md), [exposing](../expose.md), [processes](../process-services.md).",
  },
  volume: {
    file: "volume.md",
    title: "Volume",
    opening: "A volume is a unit of durable storage. The guide: [storage](../storage.md).",
  },
  storageClass: {
    file: "storage-class.md",
    title: "Storage class",
    opening:
      "A storage class names a driver and its parameters; volumes are made from it. It lies in no namespace. The guide: [storage](../storage.md#storage-classes).",
  },
  snapshot: {
    file: "snapshot.md",
    title: "Snapshot",
    opening: "A snapshot is a copy of one volume at one moment. The guide: [snapshots](../snapshots.md).",
  },
  configmap: {
    file: "configmap.md",
    title: "Configmap",
    opening: "A configmap holds texts by key. The guide: [configuration](../configuration.md#configmaps).",
  },
  secret: {
    file: "secret.md",
    title: "Secret",
    opening: "A secret holds values that nobody is shown. The guide: [security](../security.md#secrets).",
  },
  namespace: {
    file: "namespace.md",
    title: "Namespace",
    opening:
      "A namespace is a scope for names, rights and networks. Rune makes one with the first resource that is cast into it, so a castfile needs this kind only for labels.",
  },
};

/**
 * Finds fields without docs, docs without a field, and defaults that are written twice.
 *
 * @returns one line each.
 */
export function findMismatches(kind: string, fields: Field[], docs: FieldDocs): string[] {
  const paths = new Set(fields.map(({ path }) => path));
  return [
    ...fields.filter(({ path }) => !Object.hasOwn(docs, path))
      .map(({ path }) => `${kind}: ${path} has no row in model/field_docs/`),
    ...Object.keys(docs).filter((path) => !paths.has(path)).map((path) =>
      `${kind}: there is no field ${path}`
    ),
    ...fields.filter((field) => field.default !== undefined && docs[field.path]?.default !== undefined)
      .map(({ path }) => `${kind}: the schema has the default of ${path}; omit it from the row`),
  ];
}

/** A Markdown table, not aligned. */
export function writeTable(rows: string[][]): string {
  const lines = rows.map((cells) => `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`);
  lines.splice(1, 0, `| ${rows[0]!.map(() => "---").join(" | ")} |`);
  return lines.join("\n");
}

/** The last part of a path, as YAML writes it. */
export const keyOf = (path: string): string => path.split(".").at(-1)!.replace("[]", "");

function cellsOf(field: Field, doc: FieldDoc): Record<string, string> {
  return {
    field: `\`${field.path}\``,
    type: doc.form ?? field.type,
    default: field.default ?? doc.default ?? "none",
    unit: doc.unit ?? "",
    runner: doc.runner ?? "both",
    example: `\`${keyOf(field.path)}: ${doc.example}\``,
    "what it does": field.sameAs === undefined
      ? doc.means
      : `${doc.means} It has the fields of \`${field.sameAs}\`.`,
  };
}

/** The page with every field of a kind. */
export function kindPage(kind: CastKind, fields: Field[], docs: FieldDocs): string {
  const { title, opening } = PAGES[kind];
  const rows = fields.map((field) => cellsOf(field, docs[field.path]!));
  const columns = Object.keys(rows[0]!).filter((column) =>
    (column !== "runner" || kind === "service") && rows.some((row) => row[column] !== "")
  );
  const notes = "A field that is not _required_ may be left out; _none_ says that nothing takes its place." +
    (kind === "service" ? " _runner_ says whether containers, processes or both take the field." : "");
  const table = writeTable([columns, ...rows.map((row) => columns.map((column) => row[column]!))]);
  return `${WRITTEN}\n\n# ${title}\n\n${opening}\n\nIn a castfile it stands under \`${kind}:\`. ${notes}\n\n${table}\n`;
}

const READING =
  `Requests and answers are JSON. The same in a form that programs read is \`GET /openapi.json\`, which every daemon
serves.

<!-- not run: tests/operations_test.ts asks the API -->

\`\`\`sh
curl http://127.0.0.1:7861/v1/version
curl -H "authorization: Bearer $RUNE_TOKEN" http://127.0.0.1:7861/v1/namespaces/default/services
\`\`\`

An error is a problem document (RFC 9457) with \`code\`, \`detail\` and \`hint\`. Streams are server-sent events; \`exec\` is a
WebSocket ([its frames](../services.md#commands-inside)).`;

/** The page with every route. */
export function apiPage(routes: Endpoint[]): string {
  const sections = Map.groupBy(routes, ({ tag }) => tag);
  const tables = [...sections].sort(([a], [b]) => a.localeCompare(b)).map(([tag, inside]) => {
    const rows = inside.map((route) => [
      `\`${route.method.toUpperCase()} ${route.path}\``,
      route.summary,
      Object.keys(route.query?.shape ?? {}).map((name) => `\`${name}\``).join(", "),
      describeAccess(route),
    ]);
    return `## ${tag}\n\n${writeTable([["route", "what it does", "query", "who may"], ...rows])}\n`;
  });
  return `${WRITTEN}\n\n# API\n\n${READING}\n\n${tables.join("\n")}`;
}

/** The index of the pages. */
export const INDEX = `${WRITTEN}

# Reference

Every field of a castfile, every parameter of a driver, and every route of the API.

| page | what it lists |
| --- | --- |
${
  Object.values(PAGES).map(({ file, title }) =>
    `| [${title}](${file}) | the fields of a ${title.toLowerCase()} |`
  )
    .join("\n")
}
| [Drivers](drivers.md) | what each driver can do, its parameters and its keys of the runefile |
| [API](api.md) | the routes of the daemon |

## Castfiles

A castfile is YAML or JSON. A key names the kind: \`service:\` holds one service, \`services:\` a list of them. Several documents
stand in one file with \`---\` between them. \`rune cast\` takes several files, directories and globs, and \`-\` for standard input;
it applies all of them or nothing.

- Sizes are bytes with a suffix: \`512Mi\`, \`10Gi\`, \`1G\`. CPU amounts are cores or thousandths: \`2\`, \`0.5\`, \`250m\`.
- Durations are a number and a unit: \`500ms\`, \`30s\`, \`5m\`, \`2h\`, \`30d\`.
- \`name.namespace.rune\` names something of another namespace.
- [How values are read](../configuration.md#how-values-are-read) says which texts need quotes.
- [Limits](../services.md#limits) says how long texts and lists may be.
`;
