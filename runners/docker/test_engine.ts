/**
 * For tests only: an Engine that answers as the test says, for answers that a real one cannot be made to
 * give.
 * @module
 */
import { createEngine, type Engine } from "./engine.ts";

/**
 * Runs `test` with a client of an Engine that answers by `answer`, which gets the method and the path without
 * the version.
 */
export async function withFakeEngine(
  answer: (
    request: { method: string; path: string; url: URL; body?: unknown },
  ) => Response | Promise<Response>,
  test: (engine: Engine, socket: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const socket = `${folder}/engine.sock`;
  const server = Deno.serve({ path: socket, onListen: () => {} }, async (request) => {
    const url = new URL(request.url.replace(/^http\+unix:\/\/[^/]*/, "http://engine"));
    if (url.pathname === "/_ping") return new Response("OK", { headers: { "api-version": "1.41" } });
    const text = await request.text();
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    return await answer({ method: request.method, path: url.pathname.replace(/^\/v[\d.]+/, ""), url, body });
  });
  const engine = createEngine(socket);
  try {
    await test(engine, socket);
  } finally {
    engine.close();
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
}

/** An error answer in the Engine's form. */
export function makeRefusal(status: number, message: string): Response {
  return Response.json({ message }, { status });
}
