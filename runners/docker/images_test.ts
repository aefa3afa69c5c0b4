import assert from "node:assert/strict";
import type { PullPolicy } from "../runner.ts";
import { parseImage, pullImage } from "./images.ts";
import { makeRefusal, withFakeEngine } from "./test_engine.ts";

Deno.test("parseImage() reads references as Docker does", () => {
  const digest = "sha256:" + "a".repeat(64);
  const table: Record<string, { name: string; tag: string }> = {
    "nginx": { name: "nginx", tag: "latest" },
    "nginx:1.27": { name: "nginx", tag: "1.27" },
    "owner/app": { name: "owner/app", tag: "latest" },
    "host:5000/app": { name: "host:5000/app", tag: "latest" },
    "host:5000/a/b:2": { name: "host:5000/a/b", tag: "2" },
    [`app@${digest}`]: { name: "app", tag: digest },
    [`host:5000/app:1@${digest}`]: { name: "host:5000/app:1", tag: digest },
  };
  for (const [image, expected] of Object.entries(table)) assert.deepEqual(parseImage(image), expected, image);
});

/**
 * Pulls from an Engine that may have the image, and answers a pull by `pull`.
 * @returns the requested pulls.
 */
async function pulls(
  options: { image?: string; present: boolean; policy: PullPolicy; pull?: () => Response },
): Promise<string[]> {
  const asked: string[] = [];
  await withFakeEngine(({ method, url, path }) => {
    if (method === "GET") return options.present ? Response.json({}) : makeRefusal(404, "No such image");
    asked.push(`${path}?${url.searchParams}`);
    return options.pull?.() ?? new Response('{"status":"Pulling"}\n{"status":"Done"}\n');
  }, async (engine) => {
    const signal = AbortSignal.timeout(10_000);
    await pullImage(engine, options.image ?? "app", { policy: options.policy, signal });
  });
  return asked;
}

Deno.test("pullImage() pulls by policy, and never all tags", async () => {
  const pull = ["/images/create?fromImage=app&tag=latest"];
  assert.deepEqual(await pulls({ present: true, policy: "missing" }), []);
  assert.deepEqual(await pulls({ present: false, policy: "missing" }), pull);
  assert.deepEqual(await pulls({ present: true, policy: "always" }), pull);
  assert.deepEqual(await pulls({ present: true, policy: "never" }), []);
  await assert.rejects(pulls({ present: false, policy: "never" }), { code: "not_found" });
});

Deno.test("pullImage() reports the registry's message from a status and from the stream", async () => {
  const expected = {
    code: "not_found",
    message: "cannot pull image app: manifest unknown",
    permanent: false,
  };
  const inStream =
    '{"status":"x"}\n{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}\n';
  await assert.rejects(
    pulls({ present: false, policy: "missing", pull: () => new Response(inStream) }),
    expected,
  );
  await assert.rejects(
    pulls({ present: false, policy: "missing", pull: () => makeRefusal(500, "manifest unknown") }),
    expected,
  );
});

Deno.test("pullImage() distinguishes an unreachable registry from a refusal, with the same message each time", async () => {
  const away = [
    'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    'Get "https://nosuch.invalid/v2/": dial tcp: lookup nosuch.invalid on 10.0.0.53:53: no such host',
    'Get "https://r/v2/": net/http: TLS handshake timeout',
    'Get "https://r/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded)',
    'Get "https://r/v2/": context deadline exceeded',
    'Get "https://r/v2/": read tcp 10.0.0.2:53412->10.0.0.9:443: read: connection reset by peer',
    "received unexpected HTTP status: 503 Service Unavailable",
    "toomanyrequests: You have reached your pull rate limit",
    'Get "https://r/v2/": EOF',
  ];
  const answers = [
    "manifest for r/app:9 not found: manifest unknown: manifest unknown",
    "pull access denied for app, repository does not exist or may require 'docker login'",
    'Head "https://r/v2/app/manifests/1": unauthorized: authentication required',
    'Get "https://r/v2/": x509: certificate signed by unknown authority',
    'Get "https://r/v2/": http: server gave HTTP response to HTTPS client',
  ];
  const outcome = (sentence: string, pull: () => Response) =>
    pulls({ present: false, policy: "missing", pull }).then(
      () => assert.fail(sentence),
      (error) => ({ code: error.code, permanent: error.permanent, message: error.message, hint: error.hint }),
    );
  for (const sentence of [...away, ...answers]) {
    const inStream = JSON.stringify({ errorDetail: { message: sentence } });
    for (const pull of [() => makeRefusal(500, sentence), () => new Response(inStream)]) {
      const { code, permanent, message, hint } = await outcome(sentence, pull);
      assert.equal(code, away.includes(sentence) ? "failed_precondition" : "not_found", sentence);
      assert.equal(permanent, false, sentence);
      assert.doesNotMatch(message, /53412/, "a port that is another one each time");
      assert.match(hint, away.includes(sentence) ? /goes on trying/ : /name and tag/);
    }
  }
});

Deno.test("pullImage() refuses an invalid reference before it becomes part of a URL", async () => {
  for (const image of ["", "../containers", "a/../b", "a?b", "a b", "/a"]) {
    await assert.rejects(
      pulls({ image, present: true, policy: "missing" }),
      { code: "invalid_argument" },
      image,
    );
  }
});
