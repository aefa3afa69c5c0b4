/**
 * A minimal client of the Docker Engine for scripts: plain calls over the unix socket, without state or
 * retries. The benchmarks use it as the baseline for Rune's own runner, so it must stay this plain.
 * @module
 */

/** Where the Engine listens. */
export const ENGINE_SOCKET = "/var/run/docker.sock";

/** A connection to the Engine. */
export interface Engine {
  /**
   * Makes one call.
   *
   * @param call method and path, `POST /containers/create?name=x`.
   * @returns the parsed JSON answer, or undefined if it has no body.
   * @throws {Error} with the Engine's message if the status is not 2xx or 304.
   */
  call(call: string, body?: unknown): Promise<unknown>;
  close(): void;
}

/** Creates a client. Makes no call yet. */
export function openEngine(socket: string = ENGINE_SOCKET): Engine {
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
  return {
    async call(call, body) {
      const [method, path] = call.split(" ") as [string, string];
      const raw = body instanceof Uint8Array;
      const response = await fetch(`http://docker${path}`, {
        client,
        method,
        headers: body === undefined ? {} : { "content-type": raw ? "application/x-tar" : "application/json" },
        body: body === undefined ? undefined : raw ? body as Uint8Array<ArrayBuffer> : JSON.stringify(body),
      });
      const text = await response.text();
      if (!response.ok && response.status !== 304) {
        throw new Error(`the Engine refused ${call}: ${response.status} ${text.trim()}`);
      }
      const json = response.headers.get("content-type")?.startsWith("application/json");
      return json && text !== "" ? JSON.parse(text.split("\r\n")[0]!) : undefined;
    },
    close: () => client.close(),
  };
}

/** Whether an Engine answers on the socket within two seconds. */
export async function engineAnswers(socket: string = ENGINE_SOCKET): Promise<boolean> {
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
  try {
    const response = await fetch("http://docker/_ping", { client, signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  } finally {
    client.close();
  }
}
