/** How scripts run other programs: captured, or with their output shown. @module */

/** What a captured program left behind. */
export interface Captured {
  code: number;
  stdout: string;
  stderr: string;
}

interface CommandOptions {
  cwd?: string;
  /** Added to this process's environment. */
  env?: Record<string, string>;
}

/** Runs a program without input and returns what it printed. A program that does not exist gives code 127. */
export async function capture(argv: string[], options: CommandOptions = {}): Promise<Captured> {
  const [program, ...args] = argv;
  try {
    const out = await new Deno.Command(program!, { args, ...options, stdin: "null" }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code: out.code, stdout: text(out.stdout), stderr: text(out.stderr) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { code: 127, stdout: "", stderr: `${program}: not found\n` };
  }
}

/** Runs a program without input and with its output shown, and returns its exit code. */
export async function show(argv: string[], options: CommandOptions = {}): Promise<number> {
  const [program, ...args] = argv;
  const child = new Deno.Command(program!, {
    args,
    ...options,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  return (await child.status).code;
}

/** Absolute path of a program, looked up as root's shell would; undefined when there is none. */
export function findProgram(name: string): string | undefined {
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/sbin", "/usr/bin", "/bin"];
  return folders.filter((f) => f !== "").map((f) => `${f}/${name}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}
