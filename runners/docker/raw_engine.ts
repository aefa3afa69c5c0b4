/**
 * For tests only: an Engine that answers as the test says. It can also take over the connection of a command,
 * which Deno's own server cannot.
 * @module
 */
import { writeAll } from "../../base/durable.ts";
import { hangUp } from "./upgrade.ts";

/** A request to the Engine, without the version in the path. */
export interface RawRequest {
  method: string;
  path: string;
}

const HEAD_END = "\r\n\r\n";

/**
 * Runs `test` with the socket of such an Engine. A request for the connection gets it, whatever the body of
 * the answer.
 */
export async function withRawEngine(
  answer: (request: RawRequest) => Response | Promise<Response>,
  test: (socket: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const socket = `${folder}/engine.sock`;
  const listener = Deno.listen({ transport: "unix", path: socket });
  const connections = new Set<Deno.UnixConn>();
  const served: Promise<void>[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      connections.add(connection);
      served.push(serve(connection, answer).catch(() => undefined));
    }
  })().catch(() => undefined);
  try {
    await test(socket);
  } finally {
    listener.close();
    for (const connection of connections) hangUp(connection);
    await Promise.all([serving, ...served]);
    await Deno.remove(folder, { recursive: true });
  }
}

async function serve(
  connection: Deno.UnixConn,
  answer: (request: RawRequest) => Response | Promise<Response>,
) {
  let text = "";
  const readMore = async () => {
    const chunk = new Uint8Array(4096);
    const size = await connection.read(chunk);
    if (size === null) throw new Deno.errors.UnexpectedEof();
    text += new TextDecoder().decode(chunk.subarray(0, size));
  };
  while (true) {
    while (!text.includes(HEAD_END)) await readMore();
    const [head = ""] = text.split(HEAD_END, 1);
    const end = head.length + HEAD_END.length + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    while (text.length < end) await readMore();
    text = text.slice(end);
    const [method = "", path = ""] = head.split(" ", 2);
    const plain = path.replace(/^\/v[\d.]+/, "").replace(/\?.*/, "");
    const response = plain === "/_ping" ? new Response("OK") : await answer({ method, path: plain });
    const upgrades = response.ok && /^upgrade:/im.test(head);
    const body = upgrades ? "" : await response.text();
    const lines = [
      upgrades ? "HTTP/1.1 101 UPGRADED" : `HTTP/1.1 ${response.status} -`,
      "api-version: 1.41",
      ...(upgrades || response.status === 204 ? [] : [`content-length: ${body.length}`]),
    ];
    await writeAll(connection, new TextEncoder().encode(lines.join("\r\n") + HEAD_END + body));
    if (upgrades) return;
  }
}
