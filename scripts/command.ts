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

/** Its exit code; see `signal` above. */
async function ended(child: Deno.ChildProcess, signal?: AbortSignal): Promise<number> {
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
  const [program, ...args] = argv;
  const { signal, ...rest } = options;
  try {
    const child = new Deno.Command(program!, {
      args,
      ...rest,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const [code, stdout, stderr] = await Promise.all([
      ended(child, signal),
      child.stdout.text(),
      child.stderr.text(),
    ]);
    return { code, stdout, stderr };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { code: 127, stdout: "", stderr: `${program}: not found\n` };
  }
}

/** Runs a program without input and with its output shown, and returns its exit code. */
export async function show(argv: string[], options: CommandOptions = {}): Promise<number> {
  const [program, ...args] = argv;
  const { signal, ...rest } = options;
  const child = new Deno.Command(program!, {
    args,
    ...rest,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  return await ended(child, signal);
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
