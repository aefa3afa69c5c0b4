import assert from "node:assert/strict";
import { RuneError } from "../../model/error.ts";
import type { RunSpec } from "../runner.ts";
import { plainSentence, refusalOf } from "./refusals.ts";
import { buildTestImage, dockerHere } from "./test_image.ts";
import { makeDockerRoom } from "./test_room.ts";

/** The user's input, the resulting message, and whether only another spec helps. */
interface Case {
  name: string;
  spec: Partial<RunSpec>;
  message: RegExp;
  hint: RegExp;
  permanent?: boolean;
}

Deno.test({
  name: "create() and start() report refusals of the real Engine in Rune's words, without identifiers",
  ignore: !dockerHere,
  async fn() {
    const room = await makeDockerRoom();
    const source = await Deno.makeTempDir();
    const makeBareMount = (target: string, readOnly = false) => ({ source, target, readOnly });
    try {
      await using odd = await buildTestImage([
        "RUN echo '#!/bin/sh' > /plain && mkdir -p /folder",
        "WORKDIR /tmp",
      ]);
      const image = odd.name;
      const program = (path: string, args: string[] = []) => ({ image, command: [path], args });
      const limits = (resources: RunSpec["resources"]) => ({ resources });
      const cases: Case[] = [
        {
          name: "no program",
          spec: program("nosuch"),
          message: /^the image has no program "nosuch" in/,
          hint: /command/,
        },
        {
          name: "no file",
          spec: program("/no/such"),
          message: /^the image has no file \/no\/such/,
          hint: /command/,
        },
        {
          name: "no permission",
          spec: program("/plain"),
          message: /^\/plain cannot be executed/,
          hint: /chmod/,
        },
        {
          name: "a directory",
          spec: program("/folder"),
          message: /^\/folder cannot be executed/,
          hint: /program/,
        },
        {
          name: "a mount on a file",
          spec: { mounts: [makeBareMount("/bin/busybox")] },
          message: /^nothing can be mounted at \/bin\/busybox: it is a file/,
          hint: /directory/,
        },
        {
          name: "a mount below a file",
          spec: { mounts: [makeBareMount("/etc/passwd/x")] },
          message: /^nothing can be mounted at \/etc\/passwd\/x/,
          hint: /directory/,
        },
        {
          name: "a mount in a read-only one",
          spec: { mounts: [makeBareMount("/z", true), makeBareMount("/z/inner")] },
          message: /^the directory \/z\/inner cannot be made/,
          hint: /read-write/,
        },
        {
          name: "no user",
          spec: { securityContext: { user: "nosuch" } },
          message: /no user nosuch$/,
          hint: /number/,
        },
        {
          name: "no capability",
          spec: { securityContext: { capAdd: ["NOSUCH"] } },
          message: /^Linux has no capability NOSUCH$/,
          hint: /capAdd/,
          permanent: true,
        },
        {
          name: "too many processors",
          spec: limits({ cpu: { limit: "4000" } }),
          message: /^resources\.cpu\.limit must be between 0\.01 and \d+: /,
          hint: /lower/,
          permanent: true,
        },
        {
          name: "too little memory",
          spec: limits({ memory: { limit: "1Mi" } }),
          message: /^resources\.memory\.limit must be at least 6Mi$/,
          hint: /raise/,
          permanent: true,
        },
        {
          name: "a request above the limit",
          spec: limits({ memory: { limit: "16Mi", request: "32Mi" } }),
          message: /^resources\.memory\.request is above/,
          hint: /lower/,
          permanent: true,
        },
        {
          name: "two mounts on one path",
          spec: { mounts: [makeBareMount("/z"), makeBareMount("/z")] },
          message: /^two mounts have the path \/z$/,
          hint: /path/,
          permanent: true,
        },
        {
          name: "no image",
          spec: { image: "nosuch/image:1" },
          message: /^image nosuch\/image:1 is not on/,
          hint: /pull/,
        },
      ];
      const signal = AbortSignal.timeout(60_000);
      for (const { name, spec, message, hint, permanent = false } of cases) {
        const run = room.shell("true", spec);
        const attempt = room.runner.create(run, signal).then(() => room.runner.start(run, signal));
        const error = await attempt.then(
          () => assert.fail(`${name}: nothing was refused`),
          (thrown) => thrown,
        );
        assert.ok(error instanceof RuneError, name);
        assert.match(error.message, message, name);
        assert.match(error.hint ?? "", hint, name);
        assert.equal(error.permanent, permanent, name);
        assert.doesNotMatch(error.message, /[0-9a-f]{12}|OCI|runc|shim/, name);
      }
    } finally {
      await room.cleanup();
      await Deno.remove(source);
    }
  },
});

Deno.test("refusalOf() knows the messages of other Engines, and recognizes an outage", () => {
  const table: [string, string, RegExp][] = [
    ["cannot start the container: the Docker engine is shutting down", "unavailable", /shutting down/],
    ["cannot start the container: ttrpc: closed: unknown", "unavailable", /shutting down/],
    [
      "cannot start the container: failed to update store for object type *libnetwork.endpoint: open : no such file or directory",
      "unavailable",
      /shutting down/,
    ],
    ['exec: "/app": exec format error: unknown', "failed_precondition", /another kind of processor/],
    ["exec /app: exec format error", "failed_precondition", /^\/app cannot run here/],
    ["write /var/lib/docker/x: no space left on device", "failed_precondition", /full/],
    ["No command specified", "invalid_argument", /no command of its own/],
    [
      'Conflict. The container name "/rune-x" is already in use by container "abc"',
      "conflict",
      /the name rune-x$/,
    ],
    [
      "container init was OOM-killed (memory limit too low?)",
      "failed_precondition",
      /memory\.limit is too low/,
    ],
  ];
  for (const [sentence, code, message] of table) {
    const refusal = refusalOf(sentence);
    assert.equal(refusal?.code, code, sentence);
    assert.match(refusal.message, message, sentence);
    assert.ok(refusal.hint);
  }
  assert.equal(refusalOf("something new"), undefined);
});

Deno.test("plainSentence() removes identifiers and inner layers, and keeps the user's text", () => {
  const id = "41272d3a892f479d01dfc07987ddf2f70e59220a933619e2572ffaca53760bbe";
  const digest = `sha256:${"ab".repeat(32)}`;
  const table: Record<string, string> = {
    [`failed to create shim task: OCI runtime create failed: runc create failed: something new: unknown`]:
      "something new",
    [`driver failed programming external connectivity on endpoint rune-web (${id}): oh`]:
      "driver failed programming external connectivity on endpoint rune-web: oh",
    [`Could not find the file /nope in container ${id}`]: "Could not find the file /nope",
    [`No such container: ${id}`]: "No such container",
    [`open /var/lib/docker/overlay2/${id}/merged/etc/x: oh`]: "open /etc/x: oh",
    [`manifest for app@${digest} not found`]: `manifest for app@${digest} not found`,
  };
  for (const [sentence, plain] of Object.entries(table)) assert.equal(plainSentence(sentence), plain);
});
