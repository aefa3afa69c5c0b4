/** Recognises files of other tools in place of a castfile, and says what to do instead. @module */

/** A file that is not a castfile. */
export interface ForeignFile {
  /** The key that gives it away; empty for the file as a whole. */
  path: string[];
  message: string;
  hint: string;
}

/** The sections of a runefile. */
const SETTINGS = /^(data[-_]?dir|server|storage|docker|expose|auth|crypto|node|backup|grants)$/i;
/** The top-level keys of Compose files, besides extensions. */
const COMPOSE = [
  "version",
  "name",
  "services",
  "networks",
  "volumes",
  "secrets",
  "configs",
  "include",
  "models",
];
/** The most services that a hint names. */
const NAMED = 5;

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether the top level of a file is that of a runefile. */
export function isRunefile(root: Record<string, unknown>): boolean {
  const keys = Object.keys(root);
  return keys.length > 0 && keys.every((key) => SETTINGS.test(key));
}

/** Says what a file is instead of a castfile; undefined if it may be a castfile. */
export function foreignFile(root: Record<string, unknown>): ForeignFile | undefined {
  const keys = Object.keys(root).filter((key) => !key.startsWith("x-"));
  if (keys.includes("apiVersion") && keys.includes("kind")) {
    return {
      path: [],
      message: "this looks like a Kubernetes manifest",
      hint: "a castfile holds a key per resource, for example `service:` with name, image and scale",
    };
  }
  if (isMap(root.services) && keys.every((key) => COMPOSE.includes(key))) {
    const names = Object.keys(root.services);
    const shown = names.slice(0, NAMED).join(", ") + (names.length > NAMED ? ", …" : "");
    return {
      path: ["services"],
      message: "this is a Compose file, which this version of Rune does not read",
      hint: `write a \`service:\` with its \`name:\` for each${
        shown === "" ? "" : ` of ${shown}`
      }: image, command, ports and env as in docs/services.md; environment is env, depends_on is dependencies`,
    };
  }
  if (isRunefile(root)) {
    return {
      path: [],
      message: "this looks like a runefile, the daemon's settings",
      hint: "check it with `rune lint --runefile`",
    };
  }
}
