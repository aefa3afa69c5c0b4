/** Clients of a host name that send requests without pause and record everything that goes wrong. @module */
import { Agent, get } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";

/** A client at work. */
export interface Client {
  /** The number of requests or messages so far. */
  countDone(): number;
  /** What went wrong, one line each. */
  failures: string[];
  /** The longest time between two good answers, in milliseconds. */
  longestGap(): number;
  stop(): Promise<void>;
}

/** The pause between two requests, which limits the load. */
const PAUSE_MS = 2;

function repeat(ask: () => Promise<void>): Client {
  let over = false;
  let done = 0;
  let last = performance.now();
  let gap = 0;
  const failures: string[] = [];
  const work = (async () => {
    while (!over) {
      await ask().then(() => {
        done++;
        gap = Math.max(gap, performance.now() - last);
        last = performance.now();
      }, (error) => failures.push(String(error instanceof Error ? error.message : error)));
      await setTimeout(PAUSE_MS);
    }
  })();
  return {
    failures,
    countDone: () => done,
    longestGap: () => gap,
    async stop() {
      over = true;
      await work;
    },
  };
}

/** Requests `/`. @param kept reuses this connection. */
function request(port: number, { host, kept }: { host: string; kept?: Agent }): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = get({ host: "127.0.0.1", port, agent: kept ?? false, headers: { host } }, (response) => {
      response.resume();
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`answered ${response.statusCode}`));
      });
    });
    asked.on("error", reject);
  });
}

/** A client that opens a connection for each request. */
export function askAnew(port: number, host: string): Client {
  return repeat(() => request(port, { host }));
}

/** A client that keeps one connection. */
export function askOnOne(port: number, host: string): Client & { countOpened(): number } {
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  let opened = 0;
  const make = kept.createConnection.bind(kept);
  kept.createConnection = (...args: Parameters<typeof make>) => {
    opened++;
    return make(...args);
  };
  const client = repeat(() => request(port, { host, kept }));
  return {
    ...client,
    countOpened: () => opened,
    async stop() {
      await client.stop();
      kept.destroy();
    },
  };
}

/** One byte of text as a client sends it: masked, with zeros. */
const FRAME = new Uint8Array([0x81, 0x81, 0, 0, 0, 0, 0x78]);

/** A WebSocket that sends a message, waits for its echo, and repeats; it is never reopened. */
export async function talk(port: number, host: string): Promise<Client> {
  const socket: Socket = connect(port, "127.0.0.1");
  const failures: string[] = [];
  let waiting = Promise.withResolvers<void>();
  socket.on("data", () => waiting.resolve());
  socket.on("error", (error) => waiting.reject(error));
  socket.on("close", () => waiting.reject(new Error("the WebSocket was closed")));
  socket.write(
    `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await waiting.promise;
  let over = false;
  let done = 0;
  const work = (async () => {
    while (!over) {
      waiting = Promise.withResolvers();
      socket.write(FRAME);
      try {
        await waiting.promise;
      } catch (error) {
        failures.push(String(error));
        return;
      }
      done++;
      await setTimeout(PAUSE_MS);
    }
  })();
  return {
    failures,
    countDone: () => done,
    longestGap: () => 0,
    async stop() {
      over = true;
      await work;
      waiting.promise.catch(() => {});
      socket.destroy();
    },
  };
}
