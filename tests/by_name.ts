/**
 * Requests to a host name at a port of this machine, as from a browser that resolves the name to this
 * machine.
 * @module
 */
import { connect } from "node:net";
import { get as getPlain, type RequestOptions } from "node:http";
import { get as getSecure } from "node:https";

/** An answer. */
export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** Ports on which nobody listens. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "0.0.0.0", port: 0 }));
  const ports = listeners.map((listener) => listener.addr.port);
  listeners.forEach((listener) => listener.close());
  return ports;
}

/** `GET /` with a host name, on a new connection. @param options.ca makes it HTTPS. */
export function fetchByName(port: number, host: string, { ca }: { ca?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions & { ca?: string; servername?: string } = {
      host: "127.0.0.1",
      port,
      agent: false,
      headers: { host },
      ...(ca !== undefined && { ca, servername: host }),
    };
    const request = (ca === undefined ? getPlain : getSecure)(options, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text) => body += text);
      response.on("error", reject);
      response.on(
        "end",
        () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    request.on("error", reject);
  });
}

/** Opens a WebSocket with a host name, sends a short text, and returns the answer. */
export function upgradeByName(port: number, host: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const payload = new TextEncoder().encode(text);
    let received = new Uint8Array();
    let upgraded = false;
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed: ${new TextDecoder().decode(received)}`)));
    socket.on("data", (chunk) => {
      received = Uint8Array.from([...received, ...chunk]);
      const head = new TextDecoder("latin1").decode(received).indexOf("\r\n\r\n");
      if (!upgraded) {
        if (head < 0) return;
        const status = new TextDecoder().decode(received).split(" ")[1];
        if (status !== "101") return socket.destroy(new Error(`answered ${status}`));
        upgraded = true;
        received = received.slice(head + 4);
        // A masked text frame (RFC 6455, 5.2), with a mask of zeros.
        socket.write(Uint8Array.from([0x81, 0x80 | payload.length, 0, 0, 0, 0, ...payload]));
      }
      if (received.length < 2 || received.length < 2 + received[1]!) return;
      resolve(new TextDecoder().decode(received.slice(2, 2 + received[1]!)));
      socket.destroy();
    });
    socket.write(
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
  });
}
