/**
 * Tests that the text in a castfile is exactly the text in the environment, arguments, files and probes of a
 * run.
 * @module
 */
import assert from "node:assert/strict";
import { ensureTestImage, TEST_IMAGE } from "../runners/docker/test_image.ts";
import { type Host, startHost, until } from "./host.ts";
import { noDocker, noRoot } from "./skips.ts";

const TEXTS: Record<string, string> = {
  PIN: "0427",
  RATIO: "1.10",
  ACCOUNT: "90071992547409931",
  COMMIT: "5308e64",
  HEX: "0x1F",
  FLAG: "True",
  DAY: "2026-01-01",
  TIME: "22:22",
  GROUPED: "1_000",
  RELEASE: "24.10",
  BUILD: "7e21",
};
const texts = Object.values(TEXTS);
const lines = (indent: string) =>
  Object.entries(TEXTS).map(([name, text]) => `${indent}${name}: ${text}\n`).join("");

/** A program that prints its arguments, a file of the configmap and of the secret, and all variables. */
const SHOW = 'echo "args $*"; cat "$FILES"/cm/RATIO "$FILES"/secret/PIN; echo; env; ';

const DATA = `configmap:
  name: texts
  labels: { track: 3.10 }
  data:
${lines("    ")}---
secret:
  name: texts
  data:
${lines("    ")}---
`;
const fields = (files: string) =>
  `  name: shows
  labels: { track: 3.10, day: 2026-01-01 }
  envFrom:
    - { configName: texts, prefix: CM_ }
    - { secretName: texts, prefix: SECRET_ }
  configMounts: [{ configName: texts, mountPath: ${files}/cm, mode: 0444 }]
  secretMounts: [{ secretName: texts, mountPath: ${files}/secret, mode: 0400 }]
  resources: { memory: { limit: 64e6 } }
`;
const ENV = `env:\n      FILES: files\n${lines("      ")}`;

async function assertTexts(host: Host): Promise<void> {
  const log = await until("it has shown itself", async () => {
    const text = await host.rune("logs", "shows");
    return /^CM_BUILD=/m.test(text) && /^SECRET_PIN=/m.test(text) && /^TIME=/m.test(text) && text;
  });
  assert.ok(log.includes(`args ${texts.join(" ")}`), log);
  assert.ok(log.includes("1.100427"), log);
  for (const [name, text] of Object.entries(TEXTS)) {
    for (const variable of [name, `CM_${name}`, `SECRET_${name}`]) {
      assert.match(log, new RegExp(`^.*\\b${variable}=${text.replaceAll(".", "\\.")}$`, "m"));
    }
  }
  const { labels } = await host.get("service", "shows");
  assert.deepEqual(labels, { track: "3.10", day: "2026-01-01" });
}

for (
  const { runner, ignore, body } of [
    {
      runner: "process",
      ignore: noRoot,
      body: (host: Host) => {
        const files = `${host.home}/view`;
        return `service:\n${fields(files)}  process:\n    command: /bin/sh\n    args: [-c, '${
          SHOW.replaceAll('"$FILES"', files)
        }exec sleep 3600', sh, ${texts.join(", ")}]\n    ${ENV}`;
      },
    },
    {
      runner: "container",
      ignore: noDocker || noRoot,
      body: () =>
        `service:\n${fields("/run/app")}  image: ${TEST_IMAGE}\n  command: [sh, -c, '${
          SHOW.replaceAll('"$FILES"', "/run/app")
        }exec sleep 3600', sh]\n  args: [${texts.join(", ")}]\n  ${ENV}`,
    },
  ]
) {
  Deno.test({
    name:
      `a ${runner} gets every text as it stands in the castfile, and the same file cast again changes nothing`,
    ignore,
    async fn() {
      if (runner === "container") await ensureTestImage();
      await using host = await startHost();
      const castfile = await host.file("texts.yaml", DATA + body(host));
      await host.rune("cast", castfile);
      await assertTexts(host);
      assert.match(await host.rune("diff", castfile), /no changes|unchanged|^$/i);
      const again = await host.rune("cast", castfile);
      assert.doesNotMatch(again, /created|configured/);
    },
  });
}

Deno.test({
  name: "merged fields reach the process, and a probe's words and headers may look like numbers",
  ignore: noDocker || noRoot,
  async fn() {
    await ensureTestImage();
    await using host = await startHost();
    const merged = await host.file(
      "merged.yaml",
      `x-base: &base
  restart: on-failure
  stopTimeout: 2s
x-env: &env
  REGION: north
service:
  <<: *base
  name: merged
  process:
    command: /bin/sh
    args: [-c, "env | sort; exec sleep 3600"]
  env:
    <<: *env
    ROLE: web
---
service:
  name: probe-number
  image: ${TEST_IMAGE}
  command: [httpd, -f, -p, 5432, -h, /tmp]
  health:
    readiness: { type: exec, command: [sh, -c, 'exec nc 127.0.0.1 $0 </dev/null', 5432], intervalSeconds: 1 }
    liveness: { type: http, port: 5432, path: /, headers: { X-Check: 1 }, failureThreshold: 1000 }
`,
    );
    await host.rune("lint", merged);
    await host.rune("cast", "--no-wait", merged);
    const log = await until("it has shown its variables", async () => {
      const text = await host.rune("logs", "merged");
      return text.includes("ROLE=web") && text;
    });
    assert.match(log, /REGION=north/);
    const { spec } = await host.get("service", "merged");
    assert.deepEqual([spec.restart, spec.stopTimeout], ["on-failure", "2s"]);
    await until(
      "its readiness probe passes",
      async () => (await host.get("service", "probe-number")).status.ready === 1,
    );
  },
});

Deno.test({
  name:
    "Rune warns of a secret from a file that ends in a newline, and passes one from standard input on unchanged",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const file = await host.file("pw.txt", "pa55\n");
    const warned = await host.run(["create", "secret", "dbpw", "--from-file", `password=${file}`]);
    assert.equal(warned.code, 0, warned.stderr);
    assert.match(
      warned.stderr,
      /^warning the value of "password" ends in a newline.*printf %s "\$VALUE" \| rune create secret/,
    );
    assert.doesNotMatch(warned.stderr + warned.stdout, /pa55/);
    await host.rune("secret", "delete", "dbpw", "--yes");
    const quiet = await host.run(["create", "secret", "dbpw", "--from-file", "password=-"], {
      stdin: "pa55",
    });
    assert.equal(quiet.code, 0, quiet.stderr);
    assert.equal(quiet.stderr, "");
    const castfile = await host.file(
      "counts.yaml",
      `service:
  name: counts
  process:
    command: /bin/sh
    args: [-c, 'printf %s "$URL" | od -c; exec sleep 3600']
  env: { URL: "db://app:{{ secret:dbpw/password }}@db/app" }
`,
    );
    await host.rune("cast", castfile);
    const log = await until("it has counted", async () => {
      const text = await host.rune("logs", "counts");
      return text.includes("/   a   p   p") && text;
    });
    assert.doesNotMatch(log, /\\n/);
  },
});

Deno.test({
  name:
    "lint says each mistake once, recognises a runefile by its content, and never says that nothing was applied",
  ignore: noRoot,
  async fn() {
    await using host = await startHost();
    const lint = async (name: string, text: string) => {
      const { code, stdout, stderr } = await host.run(["lint", await host.file(name, text)]);
      return { code, text: (stdout + stderr).replaceAll(`${host.home}/`, "") };
    };
    assert.deepEqual(await lint("prod.yaml", "server: { log-level: info }\n"), {
      code: 0,
      text: "ok: prod.yaml\n",
    });
    const unset = await lint("prod.yaml", 'server: { http-addr: "${NOBODY_SET_THIS}" }\n');
    assert.equal(unset.code, 6);
    assert.equal(unset.text.split("NOBODY_SET_THIS").length, 2, unset.text);
    assert.doesNotMatch(unset.text, /listen address|applied/);
    const nulls = await lint(
      "nulls.yaml",
      `service:
  name: env-null
  process: { command: /bin/sh }
  env:
    HTTP_PROXY:
    NO_COLOR: ~
    EMPTY: ""
`,
    );
    assert.equal(nulls.code, 6);
    assert.match(
      nulls.text,
      /nulls\.yaml:5:5: env\.HTTP_PROXY: expected a string, found nothing \(write "" for an empty one/,
    );
    assert.match(nulls.text, /nulls\.yaml:6:5: env\.NO_COLOR:/);
    assert.doesNotMatch(nulls.text, /EMPTY|applied/);
    const cast = await host.run(["cast", `${host.home}/nulls.yaml`]);
    assert.match(cast.stderr, /nothing was applied/);
    const both = await lint("secret.yaml", 'secret: { name: s, data: { a: "b\\n" } }\n');
    assert.equal(both.code, 0);
    assert.match(
      both.text,
      /warning secret\.yaml:1:31: secret default\/s: the value of "a" ends in a newline/,
    );
  },
});
