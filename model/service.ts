/** Service: what to run, how many instances, with which data. @module */
import { z } from "zod";
import { processSentenceIssue, sentenceIssue } from "./command_words.ts";
import { wordsSchema } from "./words.ts";
import { durationBetween, LONGEST_WAIT } from "./duration.ts";
import { checkInitSteps, makeInitStepSchema } from "./init_step.ts";
import { exposeSchema, exposureSchema } from "./expose.ts";
import { exposeIssues } from "./exposing.ts";
import { healthSchema } from "./health.ts";
import { imageSchema } from "./image_reference.ts";
import { labelsSchema } from "./labels.ts";
import { argumentText, listUpTo, mapUpTo, textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";
import {
  absolutePathSchema,
  configMountSchema,
  envFromSchema,
  secretMountSchema,
  volumeMountSchema,
} from "./mounts.ts";
import { nameSchema } from "./name.ts";
import { dependencyRefSchema, refers } from "./reference.ts";
import { type Resource, resourceSchema } from "./envelope.ts";
import { checkRunnerFields } from "./runner_fields.ts";
import { envRefs, SECRETS_IN_TEXT } from "./secret.ts";
import { stopSignalSchema } from "./stop_signal.ts";
import { hostIdentitySchema, resourcesSchema, securityContextSchema } from "./security.ts";

const isOneWord = (issueOf: (text: string) => string | undefined) => (text: string, ctx: z.RefinementCtx) => {
  const message = issueOf(text);
  if (message !== undefined) ctx.addIssue({ code: "custom", message });
};

/**
 * A command: a list of words, or a string that is the program alone. A string with spaces is refused rather
 * than split.
 */
const commandSchema = z.union([
  textUpTo(LIMITS.argument).min(1).superRefine(isOneWord(sentenceIssue)).transform((c) => [c]),
  wordsSchema,
], {
  // Mistakes inside a list are reported at their entries.
  error: ({ input }) =>
    typeof input === "string" || Array.isArray(input)
      ? undefined
      : "expected a command: a string or a list of strings",
});
const argsSchema = listUpTo(argumentText, LIMITS.arguments, "expected a list of strings");
const envSchema = mapUpTo(
  textUpTo(LIMITS.variableName).regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/, { error: "expected a variable name" }),
  refers(argumentText, SECRETS_IN_TEXT),
  LIMITS.variables,
);

export const portSchema = z.strictObject({
  name: nameSchema.optional(),
  port: z.number().int().min(1).max(65_535),
  protocol: z.enum(["tcp", "udp"]).default("tcp"),
});

const processSchema = z.strictObject({
  command: textUpTo(LIMITS.path).min(1).superRefine(isOneWord(processSentenceIssue)),
  args: argsSchema.default([]),
  workdir: absolutePathSchema.optional(),
  env: envSchema.default({}),
});

/** A year: the longest wait for a dependency. */
const MOST_SECONDS = 366 * 86_400;

const dependencySchema = z.strictObject({
  name: dependencyRefSchema.optional(),
  service: dependencyRefSchema.optional(),
  namespace: nameSchema.optional(),
  readyWhen: z.enum(["running", "healthy", "started", "completed"]).default("running"),
  timeoutSeconds: z.number().int().min(1).max(MOST_SECONDS).optional(),
  optional: z.boolean().default(false),
}).transform(({ name, service, ...rest }, ctx) => {
  const target = name ?? service;
  if (target === undefined || (name !== undefined && service !== undefined)) {
    ctx.addIssue({ code: "custom", message: "expected exactly one of name and service" });
    return z.NEVER;
  }
  return { service: target, ...rest };
});

const updateSchema = z.strictObject({
  strategy: z.enum(["rolling", "recreate"]).default("rolling"),
  maxUnavailable: z.number().int().min(1).max(1000).default(1),
  timeout: durationBetween("0s", LONGEST_WAIT).default("5m"),
  rollback: z.boolean().default(false),
});

const initStepSchema = makeInitStepSchema({ command: commandSchema, args: argsSchema, env: envSchema });

const specFields = {
  image: imageSchema.optional(),
  command: commandSchema.optional(),
  args: argsSchema.optional(),
  process: processSchema.optional(),
  env: envSchema.default({}),
  envFrom: listUpTo(envFromSchema, LIMITS.envFrom).default([]),
  ports: listUpTo(portSchema, LIMITS.ports).default([]),
  scale: z.number().int().min(0).max(1000).default(1),
  resources: resourcesSchema.optional(),
  health: healthSchema.optional(),
  dependencies: listUpTo(dependencySchema, LIMITS.dependencies).default([]),
  secretMounts: listUpTo(secretMountSchema, LIMITS.mounts).default([]),
  configMounts: listUpTo(configMountSchema, LIMITS.mounts).default([]),
  volumes: listUpTo(volumeMountSchema, LIMITS.mounts).default([]),
  expose: exposeSchema.optional(),
  update: updateSchema.prefault({}),
  restart: z.enum(["always", "on-failure", "never"]).default("always"),
  imagePull: z.enum(["missing", "always", "never"]).optional(),
  stopTimeout: durationBetween("0s", "366d").default("10s"),
  /**
   * The signal that asks the main process to end. It is used only when a run stops, so it is not part of the
   * template. Default: the image's, else SIGTERM.
   */
  stopSignal: stopSignalSchema.optional(),
  securityContext: securityContextSchema.optional(),
  initSteps: listUpTo(initStepSchema, LIMITS.initSteps).default([]),
};

const specObject = z.strictObject(specFields);

/** The cross-field rules that need only the service itself. */
function checkService(spec: z.infer<typeof specObject>, ctx: z.RefinementCtx): void {
  const issue = (path: (string | number)[], message: string) =>
    ctx.addIssue({ code: "custom", path, message });
  if (spec.image === undefined && spec.process === undefined) {
    issue([], "expected exactly one of image and process, found neither");
  }
  if (spec.image !== undefined && spec.process !== undefined) {
    issue(["process"], "expected exactly one of image and process, found both");
  }
  if (spec.process !== undefined) {
    for (const field of ["command", "args"] as const) {
      if (spec[field] !== undefined) {
        issue([field], `a process service's ${field} belongs under process`);
      }
    }
  }
  const names = new Map<string, true>();
  const targets: Target[] = [];
  spec.volumes.forEach((mount, i) => {
    if (names.has(mount.name)) {
      issue(["volumes", i, "name"], `"${mount.name}" is used by another mount of this service`);
    }
    names.set(mount.name, true);
    targets.push({ path: mount.mountPath, at: ["volumes", i, "mountPath"] });
  });
  spec.secretMounts.forEach((m, i) =>
    targets.push({ path: m.mountPath, at: ["secretMounts", i, "mountPath"] })
  );
  spec.configMounts.forEach((m, i) =>
    targets.push({ path: m.mountPath, at: ["configMounts", i, "mountPath"] })
  );
  for (const { target, other } of overlaps(targets)) {
    issue(target.at, `${target.path} overlaps the mount at ${other.path}`);
  }
  const awaited = new Set<string>();
  spec.dependencies.forEach(({ service, namespace = "" }, i) => {
    if (awaited.size === awaited.add(`${namespace}/${service}`).size) {
      issue(["dependencies", i], `"${service}" is named by another dependency of this service`);
    }
  });
  checkInitSteps(spec, issue);
  checkRunnerFields(spec, issue);
  const environments = [{ at: ["env"], env: spec.env }, {
    at: ["process", "env"],
    env: spec.process?.env ?? {},
  }];
  for (const { at, env } of environments) {
    for (const [name, value] of Object.entries(env)) {
      if (!envRefs(value, "default").includes(null)) continue;
      issue([...at, name], "expected a reference such as {{ secret:<name>/<key> }}");
    }
  }
  const portNames = new Set<string>();
  const numbers = new Set<string>();
  spec.ports.forEach(({ name, port, protocol }, i) => {
    if (numbers.size === numbers.add(`${port}/${protocol}`).size) {
      issue(["ports", i, "port"], `port ${port} (${protocol}) is listed twice`);
    }
    if (name !== undefined && portNames.size === portNames.add(name).size) {
      issue(["ports", i, "name"], `port name "${name}" is used twice`);
    }
  });
  for (const { path, message } of exposeIssues(spec)) issue(path, message);
  for (const [name, probe] of Object.entries(spec.health ?? {})) {
    if (probe?.type !== "exec" && typeof probe?.port === "string" && !portNames.has(probe.port)) {
      issue(["health", name, "port"], `no port is named "${probe.port}"`);
    }
  }
}

interface Target {
  path: string;
  at: (string | number)[];
}

/** Mounts that equal, contain or lie below another; the later mount of each pair. */
function overlaps(targets: Target[]): { target: Target; other: Target }[] {
  // In this order, a path is followed directly by everything below it.
  const sorted = targets.map((target, i) => ({ target, i, key: `${target.path}/` }))
    .sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : a.i - b.i);
  let root = sorted[0];
  return sorted.slice(1).flatMap((next) => {
    if (!next.key.startsWith(root!.key)) {
      root = next;
      return [];
    }
    const [earlier, later] = root!.i < next.i ? [root!, next] : [next, root!];
    return [{ target: later.target, other: earlier.target }];
  });
}

/** A service as a castfile writes it. */
export const serviceBody = z.strictObject({
  name: nameSchema,
  namespace: nameSchema.optional(),
  labels: labelsSchema,
  ...specFields,
}).superRefine(checkService);

/** A service as stored. */
export const serviceSpecSchema = z.strictObject({
  ...specFields,
  /**
   * For processes with a user or group: their accounts, resolved when the service was written. Castfiles
   * cannot set this.
   */
  identity: hostIdentitySchema.optional(),
}).superRefine(checkService);

/** States of a service. `Completed`: every instance ended well. */
export const serviceStateSchema = z.enum([
  "Pending",
  "Running",
  "Degraded",
  "Completed",
  "Failed",
  "Stopped",
  "Deleting",
]);

/** Why a service is not Running. */
export const serviceReasonSchema = z.enum([
  "ImageUnreachable",
  "Unhealthy",
  "Paused",
  "CrashLoop",
  "OutOfMemory",
  "ConfigMissing",
  "VolumeNotReady",
  "DependencyNotReady",
  "DependencyFailed",
  "JobFailed",
  "InBackground",
  "InitStepFailed",
  "LaunchFailed",
  "RunnerUnavailable",
  "NotExposed",
]);
export type ServiceReason = z.infer<typeof serviceReasonSchema>;

export const serviceStatusSchema = z.object({
  state: serviceStateSchema,
  reason: serviceReasonSchema.optional(),
  message: z.string().optional(),
  /** The number of instances that exist, that are ready, and that are ready with the current template. */
  instances: z.number().int(),
  ready: z.number().int(),
  updated: z.number().int(),
  /**
   * Instances that ended well and will not restart. They count as `updated` if they have the current
   * template.
   */
  completed: z.number().int().optional(),
  /** How the program of a failed job ended. */
  exitCode: z.number().int().optional(),
  /** The generation that this status describes. */
  observedGeneration: z.number().int(),
  /** When the current rollout began; absent if there is none. */
  rolloutStartedAt: z.string().optional(),
  /**
   * The most instances that were `updated` at once in this rollout, and since when: `update.timeout` counts
   * from there.
   */
  rolloutProgress: z.object({ updated: z.number().int(), at: z.string() }).optional(),
  /** Generations whose every instance became ready, newest first: the targets of a rollback. */
  readyGenerations: z.array(z.number().int()).optional(),
  /** Hash of the spec, without its scale, of the newest of them. */
  readyVersion: z.string().optional(),
  /** Set if an automatic rollback made the current generation; a new generation clears it. */
  revert: z.object({
    /** The generation that failed. */
    from: z.number().int(),
    /** The generation whose spec or scale it restored; 0 if it restored only the scale. */
    to: z.number().int(),
    /** The generation that the rollback made. */
    generation: z.number().int(),
    message: z.string(),
  }).optional(),
  /** The progress of the gradual scale that made this generation. */
  scaling: z.object({
    generation: z.number().int(),
    /** The number of instances that the current step wants. */
    current: z.number().int(),
    /** When `current` was set. */
    since: z.string(),
    /** All of them were ready once, so later failures are not failures of the step. */
    done: z.literal(true).optional(),
  }).optional(),
  /** Configmaps and secrets that changed after instances started, which keep the old values. */
  staleConfig: z.array(z.object({
    /** `configmap default/app` */
    config: z.string(),
    /** The names of those instances. */
    instances: z.array(z.string()),
  })).optional(),
  /** Where its host name leads; absent if it has none, or if the proxy has not reported yet. */
  exposure: exposureSchema.optional(),
  /** Addresses and ports of this machine that lead to its instances: `0.0.0.0:8080/tcp`. */
  published: z.array(z.string()).optional(),
});

export type ServiceSpec = z.infer<typeof serviceSpecSchema>;
export type StaleConfig = NonNullable<z.infer<typeof serviceStatusSchema>["staleConfig"]>[number];
export type ServiceStatus = z.infer<typeof serviceStatusSchema>;
export type Service = Resource<"service", ServiceSpec, ServiceStatus>;

export const serviceResource = resourceSchema("service", {
  spec: serviceSpecSchema,
  status: serviceStatusSchema,
});
