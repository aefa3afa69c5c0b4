/** The source tree: its path, its files, and which of them belong to the program. @module */

/** Absolute path of the repository. */
export const ROOT: string = new URL("..", import.meta.url).pathname.replace(/\/$/, "");

/** Whether a file, by its path from the root, is not part of the program: a test, a fixture, or a script. */
export function isOutsideProgram(path: string): boolean {
  return /^(tests|scripts)\/|\/testing\/|_(test|fixture|child)\.ts$|\/test_\w+\.ts$/.test(path);
}

/** Paths of the TypeScript files in a folder, relative to it, sorted. */
export async function listFiles(root: string, folder = "", ending = ".ts"): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(`${root}/${folder}`)) {
    if (entry.name.startsWith(".") || ["node_modules", "dist"].includes(entry.name)) continue;
    if (entry.isDirectory) files.push(...await listFiles(root, `${folder}${entry.name}/`, ending));
    else if (entry.name.endsWith(ending)) files.push(folder + entry.name);
  }
  return files.sort();
}
