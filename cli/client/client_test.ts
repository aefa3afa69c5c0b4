import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import { createClient } from "./client.ts";
import { type Answer, eventStream, problem, withDaemon } from "../daemon_fixture.ts";

/** The error of a request to a server with this answer. */
async function failure(answer: Answer): Promise<RuneError> {
  let error: unknown;
  await withDaemon(answer, async (server) => {
    await createClient(server).request("GET", "/v1/version").catch((e) => error = e);
  });
  assert.ok(error instanceof RuneError, String(error));
  return error;
}

Deno.test("request() sends queries and JSON, and returns the JSON of the answer", async () => {
  const answer: Answer = async (request, url) =>
    Response.json({
      method: request.method,
      query: Object.fromEntries(url.searchParams),
      type: request.headers.get("content-type"),
      body: await request.json(),
    });
  await withDaemon(answer, async (server) => {
    const query = { a: "x y", b: undefined, c: true };
    assert.deepEqual(await createClient(server).request("POST", "/v1/cast", { query, body: { n: 1 } }), {
      method: "POST",
      query: { a: "x y", c: "true" },
      type: "application/json",
      body: { n: 1 },
    });
  });
});

Deno.test("request() turns a problem into an error", async () => {
  const issues = [{ path: ["size"], message: "wrong", resource: 0 }];
  const error = await failure(() => problem("conflict", 409, { hint: "wait", issues }));
  assert.equal(error.code, "conflict");
  assert.equal(error.message, "it is conflict");
  assert.equal(error.hint, "wait");
  assert.deepEqual(error.issues, issues);
});

Deno.test("request() reports an answer that is not from a daemon", async () => {
  const answers: Answer[] = [
    () => new Response("<html>", { status: 502 }),
    () => new Response("<html>"),
    () => problem("no_such_code", 400),
    () => new Response('{"detail": 7}', { status: 400 }),
    () => Response.redirect("http://127.0.0.1:1/", 302),
  ];
  for (const answer of answers) {
    const error = await failure(answer);
    assert.match(`${error.message} ${error.hint}`, /http:\/\/127\.0\.0\.1|Rune daemon/);
  }
});

Deno.test("request() names the address of a daemon that cannot be reached, and how to start one", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assert.rejects(createClient(`http://127.0.0.1:${port}`).request("GET", "/"), (error) => {
    assert.ok(error instanceof RuneError);
    assert.equal(error.code, "unavailable");
    assert.match(error.message, new RegExp(`cannot reach the Rune daemon at http://127.0.0.1:${port}`));
    assert.match(error.hint!, /rune serve/);
    return true;
  });
});

Deno.test("request() ends with deadline_exceeded when the daemon does not answer", async () => {
  const held = Promise.withResolvers<Response>();
  await withDaemon(() => held.promise, async (server) => {
    await assert.rejects(
      createClient(server).request("GET", "/", { timeoutMs: 20 }),
      (error) => error instanceof RuneError && error.code === "deadline_exceeded",
    );
    held.resolve(new Response());
  });
});

Deno.test("stream() yields events and throws the problem that ends a stream", async () => {
  const events = [
    { event: "line", id: 4, data: { text: "a" } },
    { event: "problem", data: { code: "gone", detail: "too slow" } },
  ];
  await withDaemon(() => eventStream(events), async (server) => {
    const seen: string[] = [];
    await assert.rejects(async () => {
      for await (const { event, id, data } of createClient(server).stream("/", {})) {
        seen.push(`${event} ${id} ${data}`);
      }
    }, (error) => error instanceof RuneError && error.code === "gone");
    assert.deepEqual(seen, ['line 4 {"text":"a"}']);
  });
});

Deno.test("stream() refuses an answer that is not an event stream", async () => {
  await withDaemon(() => Response.json({}), async (server) => {
    await assert.rejects(createClient(server).stream("/", {}).next(), /something other than an event stream/);
  });
});

Deno.test("stream() closes the connection when its reader leaves", async () => {
  const left = Promise.withResolvers<void>();
  const answer: Answer = (request) => {
    request.signal.addEventListener("abort", () => left.resolve());
    return eventStream([{ event: "line", data: 1 }], { hold: true });
  };
  await withDaemon(answer, async (server) => {
    for await (const _ of createClient(server).stream("/", {})) break;
    await left.promise;
  });
});

/** A self-signed certificate for 127.0.0.1, and its key, PEM. */
async function selfSigned(isAuthority: boolean): Promise<{ cert: string; key: string }> {
  const dir = await Deno.makeTempDir({ prefix: "rune-client-" });
  try {
    const constraint = `basicConstraints=critical,CA:${isAuthority ? "TRUE" : "FALSE"}`;
    const args = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=rune"
      .split(" ");
    args.push("-addext", "subjectAltName=IP:127.0.0.1", "-addext", constraint);
    args.push("-keyout", `${dir}/key.pem`, "-out", `${dir}/cert.pem`);
    const { code, stderr } = await new Deno.Command("openssl", { args, stdout: "null" }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    return {
      cert: await Deno.readTextFile(`${dir}/cert.pem`),
      key: await Deno.readTextFile(`${dir}/key.pem`),
    };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test({
  name:
    "request() takes the certificate that docs/security.md makes, and says what is wrong with an authority's",
  // A client with its own certificates lives as long as its process.
  sanitizeResources: false,
  async fn() {
    for (const isAuthority of [false, true]) {
      const pair = await selfSigned(isAuthority);
      const server = Deno.serve(
        { port: 0, hostname: "127.0.0.1", onListen: () => {}, ...pair },
        () => Response.json({ version: "1" }),
      );
      const client = createClient(`https://127.0.0.1:${server.addr.port}`, { ca: pair.cert });
      try {
        const asked = client.request("GET", "/v1/version");
        if (isAuthority) await assert.rejects(asked, { code: "unavailable", hint: /CA:FALSE/ });
        else assert.deepEqual(await asked, { version: "1" });
      } finally {
        await server.shutdown();
      }
    }
  },
});
