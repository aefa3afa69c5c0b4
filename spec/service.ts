/** Service: what to run, how many, with which data (seeds 001 and 003, SPEC 3). @module */
import { z } from "zod";
import { durationSchema } from "./duration.ts";
import { checkInitSteps, makeInitStepSchema } from "./init_step.ts";
import { exposeSchema, exposureSchema } from "./expose.ts";
import { exposeIssues } from "./exposing.ts";
import { healthSchema } from "./health.ts";
import { labelsSchema, scalarText } from "./labels.ts";
import {
  absolutePathSchema,
  configMountSchema,
  envFromSchema,
  secretMountSchema,
  volumeMountSchema,
} from "./mounts.ts";
import { nameSchema } from "./name.ts";
import { dependencyRefSchema, refers } from "./reference.ts";
import { type Resource, resourceSchema } from "./resource.ts";
import { checkRunnerFields } from "./runner_fields.ts";
import { envRefs, SECRETS_IN_TEXT } from "./secret.ts";
import { hostIdentitySchema, resourcesSchema, securityContextSchema } from "./security.ts";

/** A string (split at white space is never guessed: it is the executable alone) or a list. */
const commandSchema = z.union([z.string().min(1).transform((c) => [c]), z.array(scalarText).min(1)], {
  error: "expected a command: a string or a list of strings",
});
const argsSchema = z.array(scalarText, { error: "expected a list of strings" });
const envSchema = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/, { error: "expected a variable name" }),
  refers(scalarText, SECRETS_IN_TEXT),
);

export const portSchema = z.strictObject({
  name: nameSchema.optional(),
  port: z.number().int().min(1).max(65_535),
  protocol: z.enum(["tcp", "udp"]).default("tcp"),
});

const processSchema = z.strictObject({
  command: z.string().min(1),
  args: argsSchema.default([]),
  workdir: absolutePathSchema.optional(),
  env: envSchema.default({}),
});

const dependencySchema = z.strictObject({
  name: dependencyRefSchema.optional(),
  service: dependencyRefSchema.optional(),
  namespace: nameSchema.optional(),
  readyWhen: z.enum(["running", "healthy", "started"]).default("running"),
  timeoutSeconds: z.number().int().min(1).optional(),
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
  maxUnavailable: z.number().int().min(1).default(1),
  timeout: durationSchema.default("5m"),
  rollback: z.boolean().default(false),
});

const initStepSchema = makeInitStepSchema({ command: commandSchema, args: argsSchema, env: envSchema });

const specFields = {
  image: z.string().min(1).max(512).optional(),
  command: commandSchema.optional(),
  args: argsSchema.optional(),
  process: processSchema.optional(),
  env: envSchema.default({}),
  envFrom: z.array(envFromSchema).default([]),
  ports: z.array(portSchema).default([]),
  scale: z.number().int().min(0).max(1000).default(1),
  resources: resourcesSchema.optional(),
  health: healthSchema.optional(),
  dependencies: z.array(dependencySchema).default([]),
  secretMounts: z.array(secretMountSchema).default([]),
  configMounts: z.array(configMountSchema).default([]),
  volumes: z.array(volumeMountSchema).default([]),
  expose: exposeSchema.optional(),
  update: updateSchema.prefault({}),
  restart: z.enum(["always", "on-failure", "never"]).default("always"),
  imagePull: z.enum(["missing", "always", "never"]).optional(),
  stopTimeout: durationSchema.default("10s"),
  securityContext: securityContextSchema.optional(),
  initSteps: z.array(initStepSchema).default([]),
};

const specObject = z.strictObject(specFields);

/** The cross-field rules that need nothing but the service itself. */
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
  const targets: { path: string; at: (string | number)[] }[] = [];
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
  targets.forEach((target, i) => {
    const other = targets.slice(0, i).find((t) => overlaps(t.path, target.path));
    if (other) issue(target.at, `${target.path} overlaps the mount at ${other.path}`);
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
  const portNames = spec.ports.flatMap((p) => p.name === undefined ? [] : [p.name]);
  portNames.forEach((name, i) => {
    if (portNames.indexOf(name) !== i) issue(["ports", i, "name"], `port name "${name}" is used twice`);
  });
  for (const { path, message } of exposeIssues(spec)) issue(path, message);
  for (const [name, probe] of Object.entries(spec.health ?? {})) {
    if (probe?.type !== "exec" && typeof probe?.port === "string" && !portNames.includes(probe.port)) {
      issue(["health", name, "port"], `no port is named "${probe.port}"`);
    }
  }
}

/** Whether two mount paths are equal or one lies under the other. */
function overlaps(a: string, b: string): boolean {
  return a === b || a.startsWith(b + "/") || b.startsWith(a + "/");
}

/** A service as a castfile writes it. */
export const serviceBody = z.strictObject({
  name: nameSchema,
  namespace: nameSchema.optional(),
  labels: labelsSchema,
  ...specFields,
}).superRefine(checkService);

/** A service as it is stored. */
export const serviceSpecSchema = z.strictObject({
  ...specFields,
  /** Processes with a user or group: who they are, settled when the service was written. Never what a castfile says. */
  identity: hostIdentitySchema.optional(),
}).superRefine(checkService);

/** States of a service (seed 003). */
export const serviceStateSchema = z.enum([
  "Pending",
  "Running",
  "Degraded",
  "Failed",
  "Stopped",
  "Deleting",
]);

/** Why a service is not Running (SPEC 3). */
export const serviceReasonSchema = z.enum([
  "ImageUnreachable",
  "Unhealthy",
  "CrashLoop",
  "OutOfMemory",
  "ConfigMissing",
  "VolumeNotReady",
  "DependencyNotReady",
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
  /** Instances that exist, that are ready, and that are ready with the current template. */
  instances: z.number().int(),
  ready: z.number().int(),
  updated: z.number().int(),
  /** The generation that the status speaks of. */
  observedGeneration: z.number().int(),
  /** When the rollout in progress began; absent when none is. */
  rolloutStartedAt: z.string().optional(),
  /** The most instances that were `updated` at once in this rollout, and since when: `update.timeout` counts from there. */
  rolloutProgress: z.object({ updated: z.number().int(), at: z.string() }).optional(),
  /** Generations whose every instance became ready, newest first: what a rollback may return to. */
  readyGenerations: z.array(z.number().int()).optional(),
  /** The current generation was made by an automatic return from one that failed; gone with the next generation. */
  revert: z.object({
    /** The generation that failed. */
    from: z.number().int(),
    /** The generation whose spec, or scale, it returned to; 0 when only the scale went back. */
    to: z.number().int(),
    /** The generation that the return made. */
    generation: z.number().int(),
    message: z.string(),
  }).optional(),
  /** How far the gradual scale that made this generation has come. */
  scaling: z.object({
    generation: z.number().int(),
    /** Instances wanted now. */
    current: z.number().int(),
    /** When `current` was set. */
    since: z.string(),
    /** All of it was ready once: what happens later is no failure of a step. */
    done: z.literal(true).optional(),
  }).optional(),
  /** Where its host name leads; absent without one, and until it was looked at. */
  exposure: exposureSchema.optional(),
});

export type ServiceSpec = z.infer<typeof serviceSpecSchema>;
export type ServiceStatus = z.infer<typeof serviceStatusSchema>;
export type Service = Resource<"service", ServiceSpec, ServiceStatus>;

export const serviceResource = resourceSchema("service", {
  spec: serviceSpecSchema,
  status: serviceStatusSchema,
});
