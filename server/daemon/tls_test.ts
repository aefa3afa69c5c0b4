import assert from "node:assert/strict";
import { connect } from "node:tls";
import { type Authority, makeAuthority } from "../../tests/certificates.ts";
import { until } from "../../tests/host.ts";
import { type FrontServer, serveFront } from "./front.ts";
import { readTlsPair } from "./tls.ts";

interface Room {
  dir: string;
  authority: Authority;
  files: { cert: string; key: string };
  server: FrontServer;
  client: Deno.HttpClient;
}

async function withTls(
  handler: (request: Request, peer: string) => Response,
  test: (room: Room) => Promise<void>,
) {
  const dir = await Deno.makeTempDir({ prefix: "rune-tls-" });
  const authority = await makeAuthority(dir);
  const files = { cert: `${dir}/cert.pem`, key: `${dir}/key.pem` };
  await authority.issue(files, "first");
  const aborted = new AbortController();
  const pair = await readTlsPair(files);
  const server = serveFront({ hostname: "127.0.0.1", port: 0 }, { pair, signal: aborted.signal, handler });
  const client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(authority.ca)] });
  try {
    await test({ dir, authority, files, server, client });
  } finally {
    client.close();
    const late = setTimeout(() => aborted.abort(), 2_000);
    await server.shutdown();
    clearTimeout(late);
    await Deno.remove(dir, { recursive: true });
  }
}

/** The common name of the certificate that a new connection gets. */
function readSubject(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca }, () => {
      const { subject } = socket.getPeerCertificate();
      socket.end();
      socket.on("close", () => resolve(String(subject.CN)));
    });
    socket.on("error", reject);
  });
}

Deno.test("serveFront() uses a new certificate for new connections while old streams and sockets stay open", () => {
  const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
  const handler = (request: Request, peer: string) => {
    if (request.headers.get("upgrade") === "websocket") {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => socket.send(`${data} from ${peer}`);
      return response;
    }
    if (!request.url.endsWith("/stream")) return new Response(`${peer} ${new URL(request.url).protocol}`);
    const start = (controller: ReadableStreamDefaultController<Uint8Array>) => void streams.push(controller);
    return new Response(new ReadableStream({ start }));
  };
  return withTls(handler, async ({ authority, files, server, client }) => {
    const url = `https://localhost:${server.port}`;
    const ca = await Deno.readTextFile(authority.ca);
    const get = async (path: string) => await fetch(`${url}${path}`, { client });
    assert.equal(await (await get("/")).text(), "127.0.0.1 https:");
    const opened = get("/stream");
    const socket = new WebSocket(url.replace("https", "wss"), { client });
    const next = () => new Promise<string>((resolve) => socket.onmessage = ({ data }) => resolve(data));
    await new Promise((resolve) => socket.onopen = resolve);
    await until("the stream is open", () => Promise.resolve(streams.length > 0));
    assert.equal(await readSubject(server.port, ca), "first");

    await authority.issue(files, "second");
    server.replace(await readTlsPair(files));
    assert.equal(await readSubject(server.port, ca), "second");
    const answer = next();
    socket.send("still here");
    assert.equal(await answer, "still here from 127.0.0.1");
    streams[0]!.enqueue(new TextEncoder().encode("and here"));
    streams[0]!.close();
    assert.equal(await (await opened).text(), "and here");
    assert.equal(await (await get("/")).text(), "127.0.0.1 https:");
    const closed = new Promise((resolve) => socket.onclose = resolve);
    socket.close();
    await closed;
  });
});

Deno.test("readTlsPair() and serveFront() say what is wrong with a pair, and keep the old one", () =>
  withTls(() => new Response("ok"), async ({ dir, authority, files, server, client }) => {
    const refuses = (work: () => Promise<unknown>, message: RegExp) =>
      assert.rejects(work, { code: "failed_precondition", message });
    await refuses(() => readTlsPair({ ...files, cert: `${dir}/none` }), /cannot read the certificate/);
    await refuses(() => readTlsPair({ ...files, cert: files.key }), /contains no certificate/);
    const other = { cert: `${dir}/other.pem`, key: `${dir}/other.key` };
    await authority.issue(other, "other");
    const mixed = await readTlsPair({ cert: other.cert, key: files.key });
    await refuses(
      () => Promise.resolve().then(() => server.replace({ ...mixed, key: "nonsense" })),
      /cannot be used/,
    );
    const answer = await fetch(`https://localhost:${server.port}`, { client });
    assert.equal(await answer.text(), "ok");
  }));
