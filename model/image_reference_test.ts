import assert from "node:assert/strict";
import { parseCastfile } from "./castfile.ts";
import { imageIssue } from "./image_reference.ts";

const hex = (n: number) => "0123456789abcdef".repeat(8).slice(0, n);

Deno.test("imageIssue() accepts references as Docker and OCI write them", () => {
  const good = [
    "nginx",
    "nginx:1.27",
    "docker.io/library/nginx:1.27-alpine_3",
    "ghcr.io/owner/app:v2",
    "localhost:5000/a/b",
    "localhost/a",
    "registry.Example.com:5000/team/x@sha256:" + hex(64),
    "[::1]:5000/a",
    `a:1@sha256:${hex(64)}`,
    `sha256:${hex(64)}`,
    "a__b/c--d.e",
    `a:${"T".repeat(128)}`,
    `a@sha512:${hex(128)}`,
    "a:1.10",
  ];
  for (const image of good) assert.equal(imageIssue(image), undefined, image);
});

Deno.test("imageIssue() says what is wrong with any other text, and what to write", () => {
  const bad: [image: string, message: RegExp][] = [
    ["", /expected an image: write \[registry/],
    ["nginx:", /the tag after ":" is missing: write nginx:<tag>/],
    ["Nginx:1", /image names are lower case: write nginx:1$/],
    ["ghcr.io/Owner/App:2", /image names are lower case/],
    ["MyOrg/app", /image names are lower case: write myOrg\/app|lower case: write myorg\/app/],
    ["https://ghcr.io/owner/app", /not a URL: write ghcr.io\/owner\/app/],
    ["docker://nginx", /not a URL: write nginx/],
    ["my app", /no spaces/],
    ["nginx\n", /no spaces/],
    ["nginx:1.0:2", /"1.0:2" is no tag/],
    [`nginx:${"t".repeat(129)}`, /is no tag: at most 128/],
    ["nginx:-1", /is no tag/],
    ["nginx@sha256:00", /64 digits/],
    [`nginx@sha256:${hex(63)}g`, /64 digits/],
    [`nginx@sha256:${hex(64).toUpperCase()}`, /64 digits/],
    ["nginx@", /64 digits/],
    ["nginx@latest", /64 digits/],
    ["app:${TAG}", /variables are not replaced here/],
    ["app:$TAG", /variables are not replaced here/],
    ["a//b", /"a\/\/b" is not the name of an image/],
    ["/a", /is not the name of an image/],
    ["a/", /is not the name of an image/],
    ["a..b", /is not the name of an image/],
    ["-a", /is not the name of an image/],
    ["-x.example.com/a", /is not a registry/],
    ["host:port/a", /is not a registry/],
  ];
  for (const [image, message] of bad) assert.match(imageIssue(image) ?? "taken", message, image);
});

Deno.test("images of services and of init steps are checked at their own fields", () => {
  const text = `service:
  name: a
  image: "nginx:"
  initSteps:
    - { name: s, image: "a b", command: "/bin/true" }
`;
  const { issues } = parseCastfile(text, { file: "f", namespace: "default" });
  assert.deepEqual(issues.map(({ line, path }) => [line, path.join(".")]), [
    [3, "image"],
    [5, "initSteps.0.image"],
  ]);
});
