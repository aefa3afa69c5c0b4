/** Probes an instance once: with an HTTP request, a TCP connection, or a command inside it. @module */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Runner, RunRef } from "../../runners/runner.ts";
import { withDeadline } from "../../model/deadline.ts";
import { RuneError } from "../../model/error.ts";
import type { Probe } from "../../model/health.ts";
import type { ProbeAnswer } from "./tracker.ts";

/** How to reach an instance. */
export interface ProbeTarget {
  ref: RunRef;
  runner: Runner;
  /** Its address from the host; undefined while it has none. */
  host: string | undefined;
  /** Resolves a port name to its number. */
  portOf(port: number | string): number;
}

/** Longer headers count as a failure. */
const MAX_HEADER_BYTES = 64 * 1024;

/** How many characters of a command's output a message shows. */
const OUTPUT_MAX = 200;

/** Describes a probe for reports: `http GET :8080/healthz`. */
export function describeProbe(probe: Probe): string {
  if (probe.type === "exec") return `exec ${probe.command.join(" ")}`;
  return probe.type === "tcp" ? `tcp :${probe.port}` : `${probe.scheme} GET :${probe.port}${probe.path}`;
}

/**
 * Probes once. The timeout of the probe always applies, whatever the other side does.
 *
 * @returns undefined if the result says nothing about the instance, because the Engine is unreachable or the
 * signal has aborted.
 */
export async function askProbe(
  probe: Probe,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<ProbeAnswer | undefined> {
  try {
    return await withDeadline((limit) => ask(probe, target, limit), {
      ms: probe.timeoutSeconds * 1000,
      what: "the probe",
      signal,
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    if (error instanceof RuneError && error.code === "deadline_exceeded") {
      return { ok: false, late: true, message: `no answer within ${probe.timeoutSeconds} s` };
    }
    if (error instanceof RuneError && error.code === "unavailable") return undefined;
    return { ok: false, message: wordsOf(error) };
  }
}

async function ask(probe: Probe, target: ProbeTarget, signal: AbortSignal): Promise<ProbeAnswer> {
  if (probe.type === "exec") return await askCommand(probe.command, target, signal);
  const { host } = target;
  if (host === undefined) return { ok: false, message: "it has no address" };
  const port = target.portOf(probe.port);
  if (probe.type === "http") return await askHttp(probe, { host, port, signal });
  const connection = await Deno.connect({ hostname: host, port, signal });
  connection.close();
  return { ok: true, message: `port ${port} accepts connections` };
}

/**
 * Does not check the certificate, which names the service, while the probe uses an address. Reads only the
 * status of the answer.
 */
function askHttp(
  probe: Extract<Probe, { type: "http" }>,
  { host, port, signal }: { host: string; port: number; signal: AbortSignal },
): Promise<ProbeAnswer> {
  const options = {
    host,
    port,
    path: probe.path,
    method: "GET",
    headers: { "user-agent": "rune-probe", connection: "close", ...probe.headers },
    agent: false as const,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  return new Promise((resolve, reject) => {
    const asking = probe.scheme === "https"
      ? httpsRequest({ ...options, rejectUnauthorized: false })
      : httpRequest(options);
    const end = () => void asking.destroy();
    signal.addEventListener("abort", end, { once: true });
    const answer = (statusCode = 0) => {
      end();
      resolve({ ok: statusCode >= 200 && statusCode < 400, message: `HTTP ${statusCode}` });
    };
    asking.on("response", (response) => {
      response.on("error", () => {});
      answer(response.statusCode);
    });
    // `101` is no valid answer to a GET; the message shows it.
    asking.on("upgrade", (response, socket) => {
      socket.destroy();
      answer(response.statusCode);
    });
    asking.on("error", reject);
    asking.on("close", () => {
      signal.removeEventListener("abort", end);
      reject(new Error("the connection was closed without an answer"));
    });
    asking.end();
  });
}

async function askCommand(
  command: string[],
  { ref, runner }: ProbeTarget,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const session = await runner.exec(ref, { command, tty: false, stdin: false, signal });
  let output = "";
  const text = new TextDecoder();
  for await (const { data } of session.output) {
    if (output.length < OUTPUT_MAX) output += text.decode(data, { stream: true });
  }
  const code = await session.exitCode;
  const said = output.trim().slice(0, OUTPUT_MAX).replaceAll(/\s+/g, " ");
  return { ok: code === 0, message: `exit code ${code}${said === "" ? "" : `: ${said}`}` };
}

function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (/ECONNREFUSED|connection refused/i.test(text)) return "connection refused";
  return text.replace(/ \(os error \d+\)$/, "");
}
