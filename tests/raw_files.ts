/** Looks at the real files on disk and at mounts, for tests that nothing leaks. @module */

/**
 * Files below a directory that contain a text, plain or in base64. Leaves out other filesystems that are
 * mounted below it.
 */
export async function findFilesWith(directory: string, text: string): Promise<string[]> {
  const { dev } = await Deno.stat(directory);
  const forms = [text, btoa(text).slice(0, -4)];
  const search = async (dir: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const { name, isFile, isDirectory } of Deno.readDir(dir)) {
      const path = `${dir}/${name}`;
      if (isDirectory && (await unlessGone(Deno.stat(path)))?.dev === dev) found.push(...await search(path));
      if (!isFile) continue;
      // A file of a run or a transaction may be gone by now, or renamed.
      const bytes = new TextDecoder("latin1").decode(await unlessGone(Deno.readFile(path)));
      if (forms.some((form) => bytes.includes(form))) found.push(path);
    }
    return found;
  };
  return await search(directory);
}

async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Mount points below a directory, with the types of their filesystems. */
export async function mountsBelow(directory: string): Promise<{ path: string; type: string }[]> {
  const lines = (await Deno.readTextFile("/proc/self/mounts")).trimEnd().split("\n");
  return lines.map((line) => line.split(" "))
    .map(([, path, type]) => ({ path: path!, type: type! }))
    .filter(({ path }) => path.startsWith(`${directory}/`));
}

/** Processes of the machine whose arguments contain a text. */
export async function argumentsWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (line.includes(text)) found.push(name);
  }
  return found;
}
