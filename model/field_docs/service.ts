/** Docs of a service: what runs, how many instances, how they are replaced and stopped. @module */
import type { FieldDocs } from "./fields.ts";
import { NAMESPACE_DOCS } from "./resource.ts";
import { HEALTH_DOCS } from "./service_health.ts";
import { MOUNT_DOCS } from "./service_mounts.ts";
import { SECURITY_DOCS } from "./service_security.ts";

const WHAT_RUNS: FieldDocs = {
  image: {
    means: "The image of a container service. A service has `image` or `process`, never both.",
    runner: "containers",
    default: "the service is a process",
    example: "ghcr.io/example/api:1.4.0",
  },
  command: {
    means:
      "The program and its first words; replaces the image's `ENTRYPOINT`. A single text is the program alone: no shell splits it.",
    runner: "containers",
    default: "the image's",
    example: "[/bin/api, --port, '8080']",
  },
  args: {
    means: "Words behind `command`; replaces the image's `CMD`.",
    runner: "containers",
    default: "the image's, unless `command` is given",
    example: "[--verbose]",
  },
  process: {
    means: "A program of the host instead of an image.",
    runner: "processes",
    default: "the service is a container",
    example: "{ command: /usr/local/bin/agent }",
  },
  "process.command": {
    means: "The program: an absolute path, a path below `workdir`, or a name found in `PATH`.",
    runner: "processes",
    form: "path or name",
    example: "/usr/local/bin/agent",
  },
  "process.args": {
    means: "Words behind the program. No shell is involved.",
    runner: "processes",
    example: "[--config, /etc/agent.toml]",
  },
  "process.workdir": {
    means: "The directory in which it starts.",
    runner: "processes",
    form: "absolute path",
    default: "`/`",
    example: "/var/lib/agent",
  },
  "process.env": {
    means: "Variables that win over `env`.",
    runner: "processes",
    example: "{ RUST_LOG: debug }",
  },
  env: {
    means: "Variables. `{{ secret:<name>/<key> }}` in a value is replaced at each start.",
    example: "{ LOG_LEVEL: info }",
  },
  envFrom: {
    means: "Configmaps and secrets whose keys become variables. A later entry wins; `env` wins over all.",
    example: "[{ configName: app }]",
  },
  "envFrom[].secretName": { means: "The secret. Each entry names one source.", example: "db" },
  "envFrom[].configName": { means: "The configmap. Each entry names one source.", example: "app" },
  "envFrom[].configmapName": { means: "Another spelling of `configName`.", example: "app" },
  "envFrom[].prefix": { means: "Text before the name of each variable.", example: "APP_" },
  imagePull: {
    means:
      "When Rune asks the registry: only while the image is not here, at every start, or never. Stays as it is for what runs.",
    runner: "containers",
    default: "`missing`; `always` for `latest` and without a tag",
    example: "always",
  },
};

const NUMBERS: FieldDocs = {
  scale: { means: "How many instances run. 0 stops the service.", unit: "instances", example: "3" },
  ports: {
    means: "Ports on which the program listens. This publishes none of them: see `expose`.",
    example: "[{ name: http, port: 8080 }]",
  },
  "ports[].name": {
    means: "A name that `expose.port` and health checks can use.",
    example: "http",
  },
  "ports[].port": { means: "The number.", example: "8080" },
  "ports[].protocol": { means: "The protocol.", example: "udp" },
  expose: {
    means: "How the service is reached from outside of its namespace. See [Exposing services](../expose.md).",
    default: "by its name inside the namespace only",
    example: "{ port: http, host: shop.example.com }",
  },
  "expose.port": {
    means: "The port of the instances, by number or by a name of `ports`.",
    example: "http",
  },
  "expose.host": {
    means: "A host name that Rune serves over HTTP and HTTPS, for every ready instance in turn.",
    form: "host name",
    example: "shop.example.com",
  },
  "expose.hostPort": {
    means: "A port of the machine, for one instance. A process listens there by itself.",
    default: "`expose.port` where there is no `host`",
    example: "5432",
  },
  "expose.hostAddress": {
    means: "The address of the machine on which the port is published.",
    form: "IP address",
    runner: "containers",
    default: "all addresses; `127.0.0.1` in dev mode",
    example: "127.0.0.1",
  },
  resources: {
    means: "What an instance may use of the machine. For processes this needs a daemon that runs as root.",
    default: "no limits",
    example: "{ memory: { limit: 256Mi } }",
  },
  "resources.cpu": { means: "Processor time.", example: "{ limit: 500m }" },
  "resources.cpu.request": {
    means: "The share that it gets when the machine is busy.",
    unit: "cores; `m` is a thousandth",
    example: "250m",
  },
  "resources.cpu.limit": {
    means: "The most that it gets. At least `10m` for a container.",
    unit: "cores; `m` is a thousandth",
    example: "1.5",
  },
  "resources.memory": { means: "Memory.", example: "{ limit: 256Mi }" },
  "resources.memory.request": {
    means: "How much the kernel keeps for it when memory is short.",
    unit: "bytes; `Ki`, `Mi`, `Gi` …",
    example: "128Mi",
  },
  "resources.memory.limit": {
    means:
      "An instance that needs more is killed, with the reason `OutOfMemory`. At least `6Mi` for a container.",
    unit: "bytes; `Ki`, `Mi`, `Gi` …",
    example: "256Mi",
  },
};

const LIFE: FieldDocs = {
  dependencies: {
    means: "Services for which the first start of an instance waits.",
    example: "[{ name: db, readyWhen: healthy }]",
  },
  "dependencies[].name": { means: "The service.", example: "db" },
  "dependencies[].service": { means: "Another spelling of `name`.", example: "db" },
  "dependencies[].namespace": {
    means: "The service's namespace.",
    default: "the namespace of this service",
    example: "platform",
  },
  "dependencies[].readyWhen": {
    means:
      "What is waited for: an instance runs, an instance is ready, an instance was started once, or the whole job ended well.",
    example: "healthy",
  },
  "dependencies[].timeoutSeconds": {
    means: "After this time the instance is `Failed`. It still starts when the dependency comes.",
    unit: "seconds",
    default: "no end; 60 for `optional` ones",
    example: "60",
  },
  "dependencies[].optional": {
    means: "Whether to wait only while the service exists and is not scaled to 0.",
    example: "true",
  },
  update: { means: "How instances are replaced by a new version.", example: "{ rollback: true }" },
  "update.strategy": {
    means: "One after another, or all at once: stop all, then start all.",
    example: "recreate",
  },
  "update.maxUnavailable": {
    means: "How many instances are replaced at a time.",
    unit: "instances",
    example: "2",
  },
  "update.timeout": {
    means: "How long a rollout may go without progress before it stops.",
    form: "duration, `0s` to `366d`",
    example: "10m",
  },
  "update.rollback": {
    means: "Whether Rune then returns to the last version that was ready.",
    example: "true",
  },
  restart: {
    means:
      "When an instance that ended is started again. With `on-failure` and `never` the service is a [job](../services.md#jobs).",
    example: "on-failure",
  },
  stopTimeout: {
    means: "How long a stopped instance may take to end before it is killed. A change restarts nothing.",
    form: "duration, `0s` to `366d`",
    example: "30s",
  },
  stopSignal: {
    means:
      "The signal that asks the main process to end. Containers also take real-time signals (`RTMIN+3`). A change restarts nothing.",
    form: "signal by name or number",
    default: "the image's `STOPSIGNAL`, else `SIGTERM`",
    example: "SIGQUIT",
  },
  initSteps: {
    means: "Commands that run to their end, one after another, before the main process starts.",
    example: "[{ name: migrate, command: [./migrate, up] }]",
  },
  "initSteps[].name": { means: "Names the step in messages and logs.", example: "migrate" },
  "initSteps[].image": {
    means: "Another image for this step.",
    runner: "containers",
    default: "the service's",
    example: "ghcr.io/example/tools:2",
  },
  "initSteps[].command": { means: "The program and its first words.", example: "[./migrate, up]" },
  "initSteps[].args": { means: "Words behind `command`.", example: "[--verbose]" },
  "initSteps[].env": { means: "Variables that win over the service's.", example: "{ STEP: '1' }" },
  "initSteps[].runIf": {
    means:
      "When the step runs: before every run, while a volume that the service writes is fresh, or while a file is missing.",
    example: "freshVolume",
  },
  "initSteps[].runIf.fileMissing": {
    means: "A path below a mounted volume. The step runs while nothing is there.",
    form: "absolute path",
    example: "/data/keys/private.pem",
  },
  "initSteps[].timeout": {
    means: "How long one attempt may take. Then it is stopped, and has failed.",
    form: "duration, `0s` to `366d`",
    example: "10m",
  },
  "initSteps[].restartPolicy": {
    means: "Whether a failed step is tried again, up to ten times in a row.",
    example: "Never",
  },
};

/** For the kind `service`. */
export const SERVICE_DOCS: FieldDocs = {
  ...NAMESPACE_DOCS,
  ...WHAT_RUNS,
  ...NUMBERS,
  ...HEALTH_DOCS,
  ...MOUNT_DOCS,
  ...LIFE,
  ...SECURITY_DOCS,
};
