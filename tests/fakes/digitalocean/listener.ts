/** An HTTP server on loopback that can also misbehave below HTTP, which `Deno.serve` cannot. @module */
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** The longest body that is read. */
const LONGEST = 1 << 20;

/** A request as it came. */
export interface RawRequest {
  method: string;
  url: URL;
  header(name: string): string | undefined;
  text: string;
  /** Whether the client has gone. */
  isGone(): boolean;
}

/** What to send. */
export type RawAnswer =
  | { status: number; headers: Record<string, string>; text?: string }
  /** Promises the whole text, sends half of it and closes. */
  | { truncated: string }
  /** Closes without a byte. */
  | "reset";

/** A server that listens. */
export interface Listener {
  url: string;
  /** Ends it, with all connections. */
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1. */
export async function listen(handle: (request: RawRequest) => Promise<RawAnswer>): Promise<Listener> {
  const server = createServer((message, response) => {
    void serve({ message, response }, handle).catch(() => message.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  { message, response }: { message: IncomingMessage; response: ServerResponse },
  handle: (request: RawRequest) => Promise<RawAnswer>,
): Promise<void> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message) {
    size += chunk.length;
    if (size > LONGEST) throw new Error("the body is too long");
    chunks.push(chunk);
  }
  let gone = false;
  response.once("close", () => gone = !response.writableFinished);
  const answer = await handle({
    method: message.method ?? "GET",
    url: new URL(message.url ?? "/", "http://127.0.0.1"),
    header: (name) => message.headers[name]?.toString(),
    text: Buffer.concat(chunks).toString(),
    isGone: () => gone,
  });
  if (answer === "reset") {
    message.socket.destroy();
  } else if ("truncated" in answer) {
    const { truncated } = answer;
    const length = String(Buffer.byteLength(truncated));
    response.writeHead(200, { "content-type": "application/json", "content-length": length });
    response.write(truncated.slice(0, truncated.length / 2), () => message.socket.destroy());
  } else {
    response.writeHead(answer.status, answer.headers);
    response.end(answer.text ?? "");
  }
}
