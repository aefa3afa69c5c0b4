/** Runs other programs for scripts, and captures or shows their output. @module */

/** The result of a captured program. */
export interface Captured {
  code: number;
  stdout: string;
  stderr: string;
}

interface CommandOptions {
  cwd?: string;
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** When it aborts, the program is interrupted as by Ctrl-C, and killed if that does not help. */
  signal?: AbortSignal;
}

/** How long an interrupted program may take to end. */
const GRACE_MS = 10_000;

/** Starts a program without input. */
function start([program, ...args]: string[], { cwd, env }: CommandOptions, output: "piped" | "inherit") {
  const options = { args, cwd, env, stdin: "null", stdout: output, stderr: output } as const;
  return new Deno.Command(program!, options).spawn();
}

/** Its exit code. See `signal` above. */
async function waitForExit(child: Deno.ChildProcess, signal?: AbortSignal): Promise<number> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const interrupt = () => {
    child.kill("SIGINT");
    timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  };
  signal?.addEventListener("abort", interrupt);
  try {
    return (await child.status).code;
  } finally {
    signal?.removeEventListener("abort", interrupt);
    clearTimeout(timer);
  }
}

/** Runs a program without input and returns its output. A missing program gives code 127. */
export async function capture(argv: string[], options: CommandOptions = {}): Promise<Captured> {
  try {
    const child = start(argv, options, "piped");
    const [code, stdout, stderr] = await Promise.all([
      waitForExit(child, options.signal),
      child.stdout.text(),
      child.stderr.text(),
    ]);
    return { code, stdout, stderr };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { code: 127, stdout: "", stderr: `${argv[0]}: not found\n` };
  }
}

/** Runs a program without input, shows its output, and returns its exit code. */
export async function show(argv: string[], options: CommandOptions = {}): Promise<number> {
  return await waitForExit(start(argv, options, "inherit"), options.signal);
}

/** Absolute path of a program in root's search path; undefined if it is not installed. */
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
