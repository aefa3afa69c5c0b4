/**
 * A private registry for tests: Debian's docker-registry on loopback, with a password or a bearer token.
 * @module
 */
import assert from "node:assert/strict";
import { authHeader, type RegistryAuth } from "../runners/docker/registry_auth.ts";
import { createEngine } from "../runners/docker/engine.ts";
import { TEST_IMAGE, TEST_SOCKET } from "../runners/docker/test_image.ts";
import { findProgram } from "../scripts/command.ts";
import { makeAuthority } from "./certificates.ts";
import { until } from "./host.ts";

export const USER = "rune-test";
export const PASSWORD = "correct horse";
const MIB = 1 << 20;
/**
 * How long the Engine may take to build, push or remove images: it compresses, and other tests may use the
 * processors.
 */
const PUSH_MS = 300_000;
export const noRegistry = findProgram("docker-registry") === undefined ||
  findProgram("htpasswd") === undefined;

/** How a registry authenticates: its configuration, and the credentials for one repository. */
interface Gate {
  config: string;
  credentials(repository: string): Promise<Pick<RegistryAuth, "username" | "password" | "token">>;
}

async function passwordGate(dir: string): Promise<Gate> {
  const hashed = await new Deno.Command("htpasswd", { args: ["-Bbn", USER, PASSWORD] }).output();
  await Deno.writeFile(`${dir}/htpasswd`, hashed.stdout);
  return {
    config: `{ htpasswd: { realm: test, path: ${dir}/htpasswd } }`,
    credentials: async () => ({ username: USER, password: PASSWORD }),
  };
}

const base64url = (bytes: Uint8Array<ArrayBuffer>) =>
  bytes.toBase64({ alphabet: "base64url", omitPadding: true });

/** The DER inside a PEM file. */
async function readPem(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return Uint8Array.fromBase64((await Deno.readTextFile(path)).replaceAll(/-----.*-----|\s/g, ""));
}

/** Tokens are JWTs for one repository, signed with a certificate that the registry trusts. */
async function tokenGate(dir: string): Promise<Gate> {
  const authority = await makeAuthority(dir);
  const pair = { cert: `${dir}/token.pem`, key: `${dir}/token.key` };
  await authority.issue(pair, "token");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("pkcs8", await readPem(pair.key), algorithm, false, ["sign"]);
  const chain = [(await readPem(pair.cert)).toBase64()];
  const encode = (value: unknown) => base64url(new TextEncoder().encode(JSON.stringify(value)));
  return {
    config:
      `{ token: { realm: "http://127.0.0.1:9/none", service: test, issuer: test, rootcertbundle: ${authority.ca} } }`,
    async credentials(repository) {
      const now = Math.floor(Date.now() / 1000);
      const signed = [
        { typ: "JWT", alg: "ES256", x5c: chain },
        {
          iss: "test",
          aud: "test",
          nbf: now - 60,
          exp: now + 3600,
          access: [{ type: "repository", name: repository, actions: ["pull", "push"] }],
        },
      ].map(encode).join(".");
      const signature = await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(signed));
      return { token: `${signed}.${base64url(new Uint8Array(signature))}` };
    },
  };
}

/** A registry with such authentication, and the Engine's access to it. */
export async function openRegistry(access: "password" | "token" = "password") {
  const dir = await Deno.makeTempDir({ prefix: "rune-registry-" });
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr;
  probe.close();
  const gate = await (access === "token" ? tokenGate : passwordGate)(dir);
  await Deno.writeTextFile(
    `${dir}/config.yml`,
    `version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: ${dir}/data } }\n` +
      `http: { addr: "127.0.0.1:${port}" }\nauth: ${gate.config}\n`,
  );
  const serve = () =>
    new Deno.Command("docker-registry", {
      args: ["serve", `${dir}/config.yml`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  let child = serve();
  const host = `127.0.0.1:${port}`;
  const images: string[] = [];
  const engine = createEngine(TEST_SOCKET);
  const limit = () => AbortSignal.timeout(PUSH_MS);
  const what = "prepare a registry";
  const answers = () =>
    until("the registry answers", async () => {
      const response = await fetch(`http://${host}/v2/`);
      await response.body?.cancel();
      return response.status === 401;
    });
  await answers();
  return {
    host,
    credentials: gate.credentials,
    /** Stops the registry and removes its data. */
    async goAway() {
      child.kill("SIGKILL");
      await child.status;
    },
    async comeBack() {
      child = serve();
      await answers();
    },
    /** Creates a unique image of some megabytes that only the registry has. */
    async push(repository: string): Promise<string> {
      const signal = limit();
      const image = `${host}/${repository}:1`;
      images.push(image);
      const build = await Deno.makeTempDir({ dir });
      const noise = new Uint8Array(24 * MIB);
      for (let at = 0; at < noise.length; at += 65_536) {
        crypto.getRandomValues(noise.subarray(at, at + 65_536));
      }
      await Deno.writeFile(`${build}/noise`, noise);
      await Deno.writeTextFile(`${build}/Dockerfile`, `FROM ${TEST_IMAGE}\nCOPY noise /noise\n`);
      const { stdout } = await new Deno.Command("tar", { args: ["-C", build, "-cf", "-", "."] }).output();
      const built = await engine.request("/build", {
        what,
        method: "POST",
        query: { t: image, rm: "1" },
        body: stdout,
        signal,
      });
      assert.doesNotMatch(await built.text(), /errorDetail/);
      const auth = authHeader({ server: host, ...await gate.credentials(repository) });
      const pushed = await engine.request(`/images/${host}/${repository}/push`, {
        what,
        method: "POST",
        query: { tag: "1" },
        headers: { "x-registry-auth": auth },
        signal,
      });
      assert.doesNotMatch(await pushed.text(), /errorDetail/);
      await engine.send(`/images/${image}`, { what, method: "DELETE", query: { force: "1" }, signal });
      return image;
    },
    async [Symbol.asyncDispose]() {
      const signal = limit();
      for (const image of images) {
        await engine.send(`/images/${image}`, { what, method: "DELETE", query: { force: "1" }, signal })
          .catch(() => {});
      }
      engine.close();
      try {
        child.kill("SIGKILL");
      } catch {
        // It is gone.
      }
      await child.status;
      await Deno.remove(dir, { recursive: true });
    },
  };
}
