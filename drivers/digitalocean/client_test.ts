import assert from "node:assert/strict";
import { z } from "zod";
import { sleep } from "../../base/delay.ts";
import { RuneError } from "../../model/error.ts";
import { FakeDigitalOcean } from "../../tests/fakes/digitalocean/fake.ts";
import { type Client, createClient, NOTHING } from "./client.ts";
import { AnswerLost, ApiRefusal } from "./refusals.ts";

const TOKEN = "dop_v1_0123456789abcdef";
const volume = z.object({ volume: z.object({ id: z.string() }) });
const GOOD = { volume: { id: "v" } };

type Reply = Response | (() => Response | Promise<Response>);

const json = (body: unknown, init?: ResponseInit) => Response.json(body, init);
const refuse = (status: number, headers?: HeadersInit) =>
  json({ id: "id", message: "no" }, { status, ...(headers && { headers }) });

/** A request that came. */
interface Seen {
  method: string;
  url: URL;
  headers: Headers;
  body: string;
}

/** Runs `work` with a client whose requests get these answers in turn; the last one repeats. */
async function withReplies(
  replies: Reply[],
  work: (client: Client, requests: Seen[], apiUrl: string) => Promise<void>,
  path = "",
): Promise<void> {
  const requests: Seen[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const reply = replies[Math.min(requests.length, replies.length - 1)]!;
    const { method, url, headers } = request;
    requests.push({ method, url: new URL(url), headers: new Headers(headers), body: await request.text() });
    return typeof reply === "function" ? await reply() : reply.clone();
  });
  const apiUrl = `http://127.0.0.1:${server.addr.port}${path}`;
  try {
    await work(createClient({ apiUrl, backoffMs: [1, 1], attemptMs: 300 }), requests, apiUrl);
  } finally {
    await server.shutdown();
  }
}

function ask(options: { signal?: AbortSignal } = {}) {
  const { signal = new AbortController().signal } = options;
  return { token: TOKEN, signal, path: { volume_id: "v" }, schema: volume };
}
const post = () => ({ ...ask(), body: { type: "attach" } });

Deno.test("send() sends the token, the path and the body, and returns the checked answer", async () => {
  await withReplies([json(GOOD)], async (client, requests) => {
    assert.deepEqual(await client.send("readVolume", { ...ask(), path: { volume_id: "a/b?c" } }), GOOD);
    await client.send("actOnVolume", post());
    const [read, act] = requests;
    assert.equal(read!.url.pathname, "/v2/volumes/a%2Fb%3Fc");
    assert.equal(read!.headers.get("authorization"), `Bearer ${TOKEN}`);
    assert.equal(read!.headers.get("content-type"), null);
    assert.equal(act!.headers.get("content-type"), "application/json");
    assert.deepEqual([act!.method, act!.body], ["POST", '{"type":"attach"}']);
  });
});

const FAILURES: [string, () => Reply][] = [
  ["status 500", () => json({ id: "server_error", message: "no" }, { status: 500 })],
  ["a page of a proxy", () => new Response("<html>Bad gateway</html>", { status: 502 })],
  ["a page with status 200", () => new Response("<html>Hello</html>")],
  ["a page with status 404", () => new Response("<html>Not found</html>", { status: 404 })],
  ["half an answer", () => new Response('{"volume": {"id"')],
  ["an empty answer", () => new Response("")],
  ["another object", () => json({})],
  ["a redirection", () => new Response(null, { status: 302, headers: { location: "/v2/other" } })],
  ["an answer without end", () => () => new Response(new Uint8Array(5 << 20))],
  ["no answer in time", () => () => sleep(600).then(() => json(GOOD))],
];

for (const [what, reply] of FAILURES) {
  Deno.test(`send() repeats a read after ${what}`, async () => {
    await withReplies([reply(), json(GOOD)], async (client, requests) => {
      assert.deepEqual(await client.send("readVolume", ask()), GOOD);
      assert.equal(requests.length, 2);
    });
  });

  Deno.test(`send() sends a POST once and does not know more after ${what}`, async () => {
    await withReplies([reply()], async (client, requests) => {
      await assert.rejects(client.send("actOnVolume", post()), (error) => {
        assert.ok(error instanceof AnswerLost);
        assert.deepEqual([error.code, error.permanent], ["unavailable", false]);
        return true;
      });
      assert.equal(requests.length, 1);
    });
  });
}

for (const fault of [{ reset: true }, { reset: true, after: true }, { late: true }] as const) {
  Deno.test(`send() sends a POST once if its connection is closed (${Object.keys(fault)})`, async () => {
    await using fake = await FakeDigitalOcean.start();
    const client = createClient({ apiUrl: fake.url });
    const { signal } = new AbortController();
    const create = (name: string) => {
      const body = { name, region: "nyc3", size_gigabytes: 1 };
      return client.send("createVolume", { token, signal, body, schema: volume });
    };
    const token = fake.createToken("full");
    // Deno itself repeats a POST on a connection that it has used before.
    await create("before");
    fake.setFault({ op: "volumes_create" }, fault);
    await assert.rejects(create("data"), AnswerLost);
    assert.equal(fake.requests("volumes_create").length, 2);
  });
}

Deno.test("send() gives up a read after its attempts", async () => {
  await withReplies([json({}, { status: 503 })], async (client, requests) => {
    await assert.rejects(client.send("readVolume", ask()), AnswerLost);
    assert.equal(requests.length, 3);
  });
});

Deno.test("send() repeats no refusal", async () => {
  for (const status of [400, 401, 403, 404, 409, 422]) {
    await withReplies([refuse(status)], async (client, requests) => {
      const request = client.send("readVolume", ask());
      await assert.rejects(request, (error) => error instanceof ApiRefusal && error.status === status);
      assert.equal(requests.length, 1);
    });
  }
});

Deno.test("send() repeats a POST that was refused for its rate, when DigitalOcean says so", async () => {
  await withReplies([refuse(429, { "retry-after": "0.2" }), json(GOOD)], async (client, requests) => {
    const began = performance.now();
    await client.send("actOnVolume", post());
    assert.ok(performance.now() - began >= 200);
    assert.equal(requests.length, 2);
  });
});

Deno.test("send() says that the rate is limited if that lasts until the deadline", async () => {
  for (const headers of [{ "ratelimit-reset": `${Date.now() / 1000 + 3600}` }, {}] as HeadersInit[]) {
    await withReplies([refuse(429, headers)], async (client, requests) => {
      const signal = AbortSignal.timeout(100);
      await assert.rejects(client.send("readVolume", ask({ signal })), { code: "rate_limited" });
      assert.equal(requests.length, 1);
    });
  }
});

Deno.test("send() ends with its signal, whatever it waits for", async () => {
  const replies: Reply[] = [json({}, { status: 503 }), () => sleep(250).then(() => json(GOOD))];
  for (const reply of replies) {
    await withReplies([reply], async (client) => {
      const stop = new AbortController();
      const request = client.send("readVolume", ask({ signal: stop.signal }));
      stop.abort();
      await assert.rejects(request, (error) => error instanceof RuneError && error.code === "unavailable");
    });
  }
});

Deno.test("list() reads as many pages as there are, and follows no link to another host", async () => {
  const page = (ids: string[], total: number) =>
    json({
      volumes: ids.map((id) => ({ id })),
      links: { pages: { next: "https://elsewhere.example/v2/volumes?page=2" } },
      meta: { total },
    });
  const schema = z.object({ id: z.string() });
  await withReplies([page(["a", "b"], 5), page(["c", "d"], 5), page(["e"], 5)], async (client, requests) => {
    const found = await client.list("listVolumes", "volumes", { ...ask(), query: { name: "n" }, schema });
    assert.deepEqual(found.map(({ id }) => id), ["a", "b", "c", "d", "e"]);
    assert.deepEqual(requests.map(({ url }) => url.searchParams.get("page")), ["1", "2", "3"]);
    assert.ok(requests.every(({ url }) => url.searchParams.get("name") === "n"));
  });
  // Somebody deleted volumes in the meantime.
  await withReplies([page(["a", "b"], 5), page([], 2)], async (client) => {
    assert.equal((await client.list("listVolumes", "volumes", { ...ask(), schema })).length, 2);
  });
  await withReplies([page([], 0)], async (client) => {
    assert.deepEqual(await client.list("listVolumes", "volumes", { ...ask(), schema }), []);
  });
});

Deno.test("list() keeps of each page only what its schema names, and gives up a list that is too long", async () => {
  const schema = z.object({ id: z.string().max(4) });
  const volumes = Array.from({ length: 200 }, () => ({ id: "v", more: "x".repeat(500) }));
  const ask200 = { ...ask(), schema };
  await withReplies([json({ volumes, meta: { total: 200 } })], async (client) => {
    const found = await client.list("listVolumes", "volumes", ask200);
    assert.deepEqual(found[199], { id: "v" });
  });
  await withReplies([json({ volumes, meta: { total: 1e9 } })], async (_, requests, apiUrl) => {
    const client = createClient({ apiUrl, rate: { take: () => Promise.resolve(), close() {} } });
    await assert.rejects(client.list("listVolumes", "volumes", ask200), {
      code: "unavailable",
      message: /more than 10000 elements/,
    });
    assert.equal(requests.length, 51);
  });
  const wrong = [[...volumes, { id: "v" }], [{ id: "longer" }]];
  for (const each of wrong) {
    await withReplies([json({ volumes: each, meta: { total: 1 } })], async (client) => {
      await assert.rejects(client.list("listVolumes", "volumes", ask200), AnswerLost);
    });
  }
});

Deno.test("send() shows the token in no error", async () => {
  const client = createClient({ apiUrl: "http://127.0.0.1:1", backoffMs: [] });
  const errors = [await client.send("deleteVolume", { ...ask(), schema: NOTHING }).catch((error) => error)];
  await withReplies([json({ id: "x", message: `bad ${TOKEN}` }, { status: 422 })], async (client) => {
    errors.push(await client.send("readVolume", ask()).catch((error) => error));
  });
  assert.equal(errors.length, 2);
  for (const error of errors) assert.ok(!Deno.inspect(error).includes("dop_v1"), Deno.inspect(error));
});

Deno.test("createClient() keeps the path of a proxy", async () => {
  await withReplies([json(GOOD)], async (client, requests) => {
    await client.send("readVolume", ask());
    assert.equal(requests[0]!.url.pathname, "/do/v2/volumes/v");
  }, "/do/");
});
