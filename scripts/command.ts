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
  /** Interrupts the program when it aborts, as Ctrl-C would, and kills it when that does not help. */
  signal?: AbortSignal;
}

/** How long a program may take to end after it was interrupted. */
const GRACE_MS = 10_000;

/** Starts a program without input. */
function start([program, ...args]: string[], { cwd, env }: CommandOptions, output: "piped" | "inherit") {
  const options = { args, cwd, env, stdin: "null", stdout: output, stderr: output } as const;
  return new Deno.Command(program!, options).spawn();
}

/** Its exit code; see `signal` above. */
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

/** Runs a program without input and returns what it printed. A program that does not exist gives code 127. */
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

/** Runs a program without input and with its output shown, and returns its exit code. */
export async function show(argv: string[], options: CommandOptions = {}): Promise<number> {
  return await waitForExit(start(argv, options, "inherit"), options.signal);
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
