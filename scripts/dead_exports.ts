/** Finds exports that nothing uses: no file imports them, and their own file names them once. @module */
import { dirname, normalize } from "node:path";
import { isOutsideProgram } from "./tree.ts";

const NAMED = /\b(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s*from\s*"(\.[^"]+)"/g;
const WHOLE = /\b(?:import|export)\s+\*(?:\s+as\s+\w+)?\s+from\s*"(\.[^"]+)"|\bimport\(\s*"(\.[^"]+)"/g;
const EXPORT =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm;

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, "");

/** One line for each. @param texts of all files, by their paths under the root. */
export function findDeadExports(texts: ReadonlyMap<string, string>): string[] {
  const used = new Set<string>();
  for (const [file, text] of texts) {
    const resolve = (specifier: string) => normalize(`${dirname(file)}/${specifier}`);
    for (const [, names, specifier] of text.matchAll(NAMED)) {
      for (const name of names!.split(",")) {
        used.add(`${resolve(specifier!)} ${name.trim().replace(/^type /, "").split(" as ")[0]}`);
      }
    }
    for (const [, starred, loaded] of text.matchAll(WHOLE)) used.add(`${resolve(starred ?? loaded!)} *`);
  }
  return [...texts].flatMap(([file, text]) => {
    if (isOutsideProgram(file) || used.has(`${file} *`)) return [];
    const code = withoutComments(text);
    return [...code.matchAll(EXPORT)].map(([, name]) => name!).filter((name) =>
      !used.has(`${file} ${name}`) && code.match(new RegExp(`\\b${name}\\b`, "g"))!.length === 1
    ).map((name) => `${file}: nothing uses ${name}`);
  });
}
