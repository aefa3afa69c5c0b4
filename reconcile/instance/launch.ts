/** Makes and starts one run of an instance: image, mounts, intent, create, start. @module */
import { applyOwnership, resolveSubPath } from "../../drivers/mount_root.ts";
import type { Runner, RunSpec } from "../../runners/runner.ts";
import { type ErrorCode, RuneError, toRuneError } from "../../spec/error.ts";
import type { Instance } from "../../spec/instance.ts";
import type { Service, ServiceReason } from "../../spec/service.ts";
import type { SecretReader } from "../../store/secrets/vault.ts";
import { resolveSecretEnv } from "../secret_refs.ts";
import { shortDigest } from "../digest.ts";
import type { InstanceView, MountView } from "./plan.ts";

/** A launch that failed, with the reason that the service's status shows. */
export class LaunchError extends Error {
  constructor(readonly reason: ServiceReason, readonly failure: RuneError) {
    super(failure.message, { cause: failure });
  }
}

/** Runs one phase of a launch and names it when it fails. */
async function phase<T>(reason: ServiceReason, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw new LaunchError(reason, toRuneError(thrown));
  }
}

/** Codes that say nothing about the instance: the runner could not be reached, or the pass was cut short. */
const UNRELATED: readonly ErrorCode[] = ["unavailable", "deadline_exceeded"];

/** Whether the launch failed because the runner is out of reach, not because of what was to be launched. */
export function isRunnerOutage(error: LaunchError): boolean {
  return error.reason === "LaunchFailed" && UNRELATED.includes(error.failure.code);
}

/** The policy for an image that names none (SPEC 3): `always` for `latest`, `missing` else. */
export function pullPolicyOf({ spec }: Service): "missing" | "always" | "never" {
  if (spec.imagePull !== undefined) return spec.imagePull;
  const image = spec.image ?? "";
  const name = image.slice(image.lastIndexOf("/") + 1);
  const pinned = image.includes("@") || (name.includes(":") && !name.endsWith(":latest"));
  return pinned ? "missing" : "always";
}

/** Name and namespace under which others on the network find the instance (SPEC 3). */
export function aliasesOf({ namespace, spec }: Instance): string[] {
  return [spec.service, `${spec.service}.${namespace}.rune`, `${spec.service}-${spec.ordinal}`];
}

/** Everything the runner needs, from the instance and its mounted volumes. */
export function runSpecOf(
  view: Pick<InstanceView, "instance">,
  options: { run: number; sources: string[] },
): RunSpec {
  const { instance } = view;
  const { template } = instance.spec;
  const hostPort = template.expose?.hostPort;
  const exposed = template.ports.find((p) => p.name === template.expose?.port);
  const port = exposed?.port ?? template.expose?.port;
  return {
    instanceUid: instance.uid,
    run: options.run,
    namespace: instance.namespace,
    service: instance.spec.service,
    instance: instance.name,
    generation: instance.spec.serviceGeneration,
    specHash: shortDigest(template),
    ...(template.image !== undefined && { image: template.image }),
    ...(template.command && { command: template.command }),
    ...(template.args && { args: template.args }),
    ...(template.process && {
      process: {
        command: template.process.command,
        args: template.process.args,
        ...(template.process.workdir !== undefined && { workdir: template.process.workdir }),
      },
    }),
    env: { ...template.env, ...template.process?.env },
    mounts: template.volumes.map((mount, i) => ({
      source: options.sources[i]!,
      target: mount.mountPath,
      readOnly: mount.readOnly,
    })),
    aliases: aliasesOf(instance),
    publish: hostPort !== undefined && typeof port === "number"
      ? [{ port, hostPort, protocol: exposed?.protocol ?? "tcp" }]
      : [],
    ...(template.resources && { resources: template.resources }),
    ...(template.securityContext && { securityContext: template.securityContext }),
  };
}

/** The host directory behind one mount, with its owner and mode as asked. */
async function prepareMount({ mount, path }: MountView): Promise<string> {
  if (mount.fsUser !== undefined || mount.fsGroup !== undefined || mount.fsMode !== undefined) {
    await applyOwnership(path!, {
      ...(mount.fsUser !== undefined && { user: mount.fsUser }),
      ...(mount.fsGroup !== undefined && { group: mount.fsGroup }),
      ...(mount.fsMode !== undefined && { mode: mount.fsMode }),
    });
  }
  return mount.subPath === "" ? path! : await resolveSubPath(path!, mount.subPath);
}

/**
 * Brings run number `run` of an instance to life.
 *
 * @param recordIntent commits that this run is about to exist; nothing is made before it has resolved.
 * @throws {LaunchError} with the phase that failed.
 */
export async function launch(
  view: InstanceView & { service: Service },
  options: {
    run: number;
    runner: Runner;
    secrets: SecretReader;
    signal: AbortSignal;
    recordIntent: () => Promise<void>;
  },
): Promise<void> {
  const { instance, mounts, service } = view;
  const { run, runner, signal } = options;
  const { image } = instance.spec.template;
  // What ran before from this image is here; should it be gone, creating fails and the next attempt pulls.
  const { launchFailures } = instance.status;
  const here = run > 1 && launchFailures === 0 && pullPolicyOf(service) === "missing";
  if (image !== undefined && runner.pull && !here) {
    await pull(runner, { image, service, signal });
  }
  const sources = await phase("VolumeNotReady", () => Promise.all(mounts.map(prepareMount)));
  const spec = runSpecOf(view, { run, sources });
  const where = { namespace: instance.namespace, secrets: options.secrets };
  const secretEnv = await phase("ConfigMissing", () => resolveSecretEnv(spec.env, where));
  await options.recordIntent();
  await phase("LaunchFailed", async () => {
    await runner.create(withSecrets(spec, secretEnv), signal);
    await runner.start({ instanceUid: instance.uid, run }, signal);
  });
}

/** Values in place of the references, out of the part of the environment that may be written down. */
function withSecrets(spec: RunSpec, secretEnv: Record<string, string>): RunSpec {
  if (Object.keys(secretEnv).length === 0) return spec;
  const env = Object.fromEntries(
    Object.entries(spec.env).filter(([name]) => !Object.hasOwn(secretEnv, name)),
  );
  return { ...spec, env, secretEnv };
}

async function pull(
  runner: Runner,
  { image, service, signal }: { image: string; service: Service; signal: AbortSignal },
): Promise<void> {
  try {
    await runner.pull!(image, { policy: pullPolicyOf(service), signal });
  } catch (thrown) {
    const failure = toRuneError(thrown);
    // An engine that does not answer is an outage; a registry that does not is the image's problem, and worth a retry.
    if (failure.code === "unavailable") throw new LaunchError("LaunchFailed", failure);
    const retryable = new RuneError(failure.code, failure.message, {
      cause: failure,
      permanent: false,
      ...(failure.hint !== undefined && { hint: failure.hint }),
    });
    throw new LaunchError("ImageUnreachable", retryable);
  }
}
