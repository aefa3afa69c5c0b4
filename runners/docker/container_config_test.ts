import assert from "node:assert/strict";
import type { RunSpec } from "../runner.ts";
import { type ContainerConfig, containerConfig } from "./container_config.ts";

const BASE: RunSpec = {
  instanceUid: "0d6f5bf1-5df7-4a7e-9c8f-1f5f0f3b2c11",
  run: 3,
  namespace: "shop",
  service: "web",
  instance: "web-0",
  generation: 7,
  specHash: "abc",
  image: "nginx:1",
  env: {},
  mounts: [],
  aliases: [],
  publish: [],
};
const NETWORK = "rune-shop-f77b12a5";

function config(overrides: Partial<RunSpec>, seccomp?: string): ContainerConfig {
  return containerConfig({ ...BASE, ...overrides }, { daemonId: "daemon", seccomp });
}

Deno.test("containerConfig() of a minimal spec: Rune restarts, logs rotate, labels name the owner", () => {
  assert.deepEqual(JSON.parse(JSON.stringify(config({}))), {
    Image: "nginx:1",
    Hostname: "web-0",
    Env: [],
    Healthcheck: { Test: ["NONE"] },
    Labels: {
      "rune.io/daemon": "daemon",
      "rune.io/namespace": "shop",
      "rune.io/service": "web",
      "rune.io/instance": "web-0",
      "rune.io/instance-uid": BASE.instanceUid,
      "rune.io/run": "3",
      "rune.io/generation": "7",
      "rune.io/spec-hash": "abc",
    },
    ExposedPorts: {},
    HostConfig: {
      NetworkMode: NETWORK,
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "local", Config: { "max-size": "10m", "max-file": "3", compress: "false" } },
      Mounts: [],
      PortBindings: {},
    },
    NetworkingConfig: { EndpointsConfig: { [NETWORK]: { Aliases: [] } } },
  });
});

Deno.test("containerConfig() translates each field", () => {
  const table: [string, Partial<RunSpec>, (c: ContainerConfig) => unknown, unknown][] = [
    ["command", { command: ["/bin/a", "b"] }, (c) => [c.Entrypoint, c.Cmd], [["/bin/a", "b"], undefined]],
    ["args", { args: ["x"] }, (c) => [c.Entrypoint, c.Cmd], [undefined, ["x"]]],
    ["empty lists", { command: [], args: [] }, (c) => [c.Entrypoint, c.Cmd], [undefined, undefined]],
    ["env", { env: { A: "1", B: "x=y" } }, (c) => c.Env, ["A=1", "B=x=y"]],
    ["aliases", { aliases: ["web", "web-0"] }, (c) => c.NetworkingConfig.EndpointsConfig[NETWORK]?.Aliases, [
      "web",
      "web-0",
    ]],
    ["mounts", { mounts: [{ source: "/s", target: "/t", readOnly: true }] }, (c) => c.HostConfig.Mounts, [
      { Type: "bind", Source: "/s", Target: "/t", ReadOnly: true, BindOptions: { Propagation: "rprivate" } },
    ]],
    [
      "publish",
      {
        publish: [{ port: 80, hostPort: 8080, protocol: "tcp" }, {
          port: 80,
          hostPort: 8081,
          protocol: "tcp",
        }],
      },
      (c) => [c.ExposedPorts, c.HostConfig.PortBindings],
      [{ "80/tcp": {} }, { "80/tcp": [{ HostPort: "8080" }, { HostPort: "8081" }] }],
    ],
    [
      "limits",
      { resources: { cpu: { limit: "250m" }, memory: { limit: "64Mi" } } },
      (c) => [c.HostConfig.NanoCpus, c.HostConfig.Memory, c.HostConfig.MemorySwap],
      [250_000_000, 67_108_864, 67_108_864],
    ],
    [
      "requests",
      { resources: { cpu: { request: "1" }, memory: { request: "32Mi" } } },
      (c) => [c.HostConfig.CpuShares, c.HostConfig.MemoryReservation, c.HostConfig.Memory],
      [1024, 33_554_432, undefined],
    ],
    ["least shares", { resources: { cpu: { request: "1m" } } }, (c) => c.HostConfig.CpuShares, 2],
    ["user", { securityContext: { user: "1000" } }, (c) => c.User, "1000"],
    ["group", { securityContext: { user: "app", group: "100" } }, (c) => c.User, "app:100"],
    ["capabilities", { securityContext: { capAdd: ["NET_ADMIN"], capDrop: ["ALL"] } }, (c) => [
      c.HostConfig.CapAdd,
      c.HostConfig.CapDrop,
    ], [["NET_ADMIN"], ["ALL"]]],
    ["privileged", { securityContext: { privileged: true, readOnlyRootFilesystem: true } }, (c) => [
      c.HostConfig.Privileged,
      c.HostConfig.ReadonlyRootfs,
    ], [true, true]],
    [
      "security options",
      { securityContext: { noNewPrivileges: true, seccompProfile: "unconfined" } },
      (c) => c.HostConfig.SecurityOpt,
      ["no-new-privileges", "seccomp=unconfined"],
    ],
    [
      "the default profile",
      { securityContext: { seccompProfile: "runtime/default" } },
      (c) => c.HostConfig.SecurityOpt,
      undefined,
    ],
    ["a long name", { instance: "a".repeat(63) + "-12" }, (c) => c.Hostname, "a".repeat(60) + "-12"],
  ];
  for (const [name, overrides, pick, expected] of table) {
    assert.deepEqual(pick(config(overrides)), expected, name);
  }
  const profiled = config({ securityContext: { seccompProfile: "/p.json" } }, "{}");
  assert.deepEqual(profiled.HostConfig.SecurityOpt, ["seccomp={}"]);
});

Deno.test("containerConfig() refuses fields that a container cannot have, and names them", () => {
  const table: [RegExp, Partial<RunSpec>][] = [
    [/^image /, { image: undefined }],
    [/^process /, { process: { command: "/bin/a", args: [] } }],
    [/^securityContext\.group /, { securityContext: { group: "1" } }],
    [/^securityContext\.capabilities /, { securityContext: { capabilities: [] } }],
    [/^securityContext\.readOnlyFS /, { securityContext: { readOnlyFS: true } }],
  ];
  for (const [message, overrides] of table) {
    assert.throws(() => config(overrides), { code: "invalid_argument", message, permanent: true });
  }
});

Deno.test("containerConfig() publishes on all addresses, or on the configured one", () => {
  const publish = [{ port: 80, hostPort: 8080, protocol: "tcp" as const }];
  const bindings = (publishOn?: string) =>
    containerConfig({ ...BASE, publish }, { daemonId: "daemon", publishOn }).HostConfig.PortBindings;
  assert.deepEqual(bindings(), { "80/tcp": [{ HostPort: "8080" }] });
  assert.deepEqual(bindings("127.0.0.1"), { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }] });
  const own = [{ ...publish[0]!, hostAddress: "10.0.0.1" }];
  const body = containerConfig({ ...BASE, publish: own }, { daemonId: "daemon" });
  assert.deepEqual(body.HostConfig.PortBindings, { "80/tcp": [{ HostIp: "10.0.0.1", HostPort: "8080" }] });
});
