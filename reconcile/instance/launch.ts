/** Makes and starts one run of an instance: image, mounts, intent, create, start. @module */
import type { Node } from "../../node/node.ts";
import type { FilesystemPlace, OwnerIds } from "../../node/volumes.ts";
import type { NodeRunner } from "../../node/node_runner.ts";
import type { RunMount, RunRef, RunSpec, RunState } from "../../runners/runner.ts";
import { type ErrorCode, RuneError, toRuneError } from "../../model/error.ts";
import { type InitStep, stepKey } from "../../model/init_step.ts";
import { exposedPort } from "../../model/exposing.ts";
import { mountsOf } from "../../model/instance.ts";
import type { Service, ServiceReason } from "../../model/service.ts";
import type { Volume } from "../../model/volume.ts";
import type { ReadData } from "../config/data.ts";
import { requireFits } from "../config/environment_fit.ts";
import { resolveConfig } from "../config/resolve.ts";
import type { SecretReader } from "../../store/secrets/vault.ts";
import { resolveSecretEnv } from "../../node/secret_refs.ts";
import { shortDigest } from "../digest.ts";
import { hasCheck, namesOf } from "./names.ts";
import { isUnclaimed, ownerOf } from "./owner.ts";
import type { InstanceView, MountView } from "./view.ts";

/** A failed launch, with the reason for the service's status. */
export class LaunchError extends Error {
  constructor(readonly reason: ServiceReason, readonly failure: RuneError) {
    super(failure.message, { cause: failure });
  }
}

/** Runs one phase of a launch. On failure the error carries the phase's reason. */
export async function runPhase<T>(reason: ServiceReason, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw new LaunchError(reason, toRuneError(thrown));
  }
}

/**
 * Exit codes of a process whose setup failed, and of one whose command cannot be executed (sh(1)).
 */
const NOT_PREPARED = 126;
const NOT_EXECUTED = 127;

/** Codes that do not concern the instance: the runner was unreachable, or the pass was interrupted. */
const UNRELATED: readonly ErrorCode[] = ["unavailable", "deadline_exceeded"];

/** Whether the launch failed because the runner is unreachable, not because of the instance. */
export function isRunnerOutage(error: LaunchError): boolean {
  return error.reason === "LaunchFailed" && UNRELATED.includes(error.failure.code);
}

/** Whether the image could not be pulled because its registry did not answer. */
export function isRegistryAway({ reason, failure }: LaunchError): boolean {
  return reason === "ImageUnreachable" && ["failed_precondition", "deadline_exceeded"].includes(failure.code);
}

/** Builds the runner's spec from the instance and its mounted volumes. */
export function runSpecOf(
  view: Pick<InstanceView, "instance" | "shared">,
  options: {
    run: number;
    /** The directory behind each volume mount. */
    sources: string[];
    /** Variables and mounts from configmaps and secrets. */
    config: { env: Record<string, string>; mounts: RunMount[] };
  },
): RunSpec {
  const { instance } = view;
  const { template } = instance.spec;
  const { hostPort, hostAddress } = template.expose ?? {};
  const exposed = exposedPort(template);
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
    env: { ...options.config.env, ...template.env, ...template.process?.env },
    mounts: [
      ...mountsOf(instance).map((mount, i) => ({
        source: options.sources[i]!,
        target: mount.mountPath,
        readOnly: mount.readOnly,
      })),
      ...options.config.mounts,
    ],
    // Only ready instances have names; without a check, an instance is ready from the start.
    aliases: hasCheck(instance) ? [] : namesOf(instance),
    ...(view.shared?.sees && { joinsShared: true }),
    publish: hostPort !== undefined && exposed
      ? [{ ...exposed, hostPort, ...(hostAddress !== undefined && { hostAddress }) }]
      : [],
    ...(template.resources && { resources: template.resources }),
    ...(template.securityContext && { securityContext: template.securityContext }),
    ...(template.identity && { identity: template.identity }),
  };
}

/** An attempt at an init step. */
export interface Attempt {
  step: InitStep;
  attempt: number;
}

/**
 * The spec of an init step: like the main process, with its mounts and variables, but without names on the
 * network.
 */
export function stepSpecOf(main: RunSpec, { step, attempt }: Attempt): RunSpec {
  const { command: _c, args: _a, process, ...shared } = main;
  const [program, ...words] = step.command;
  return {
    ...shared,
    step: stepKey(step.name, attempt),
    ...(process === undefined
      ? { image: step.image ?? main.image!, command: step.command, args: step.args }
      : { process: { ...process, command: program!, args: [...words, ...step.args] } }),
    env: { ...main.env, ...step.env },
    aliases: [],
    publish: [],
  };
}

/** A prepared mount: the path for the runner, and the directory that the run must have mounted. */
interface Prepared {
  source: string;
  place: FilesystemPlace;
}

/** Prepares one mount, with its owner and mode. */
async function prepareMount(
  view: MountView,
  { instanceUid, index, node, signal, onReplaced, firstOwner }: LaunchOptions & {
    instanceUid: string;
    index: number;
    firstOwner: OwnerIds | undefined;
  },
): Promise<Prepared> {
  const { mount: { fsUser: user, fsGroup: group, fsMode: mode, subPath } } = view;
  const volume = view.volume!;
  const answer = await node.volumes.place({
    volumeUid: volume.uid,
    ...{ instanceUid, index, subPath },
    owner: { ...(user !== undefined && { user }), ...(group !== undefined && { group }) },
    ...(mode !== undefined && { mode }),
    ...(firstOwner && isUnclaimed(view) && { firstOwner }),
  }, signal);
  if (answer.state === "placed") return answer;
  onReplaced(volume);
  throw new RuneError("unavailable", answer.message, { hint: answer.hint });
}

/**
 * @throws {RuneError} `failed_precondition` if the command could not be executed. Permanent if only a person
 * can fix that.
 */
function refuseUnexecuted({ exitCode, error }: RunState): void {
  if (error === undefined || (exitCode !== NOT_PREPARED && exitCode !== NOT_EXECUTED)) return;
  throw new RuneError("failed_precondition", error, {
    hint: "correct the command, or what it needs on the host",
    permanent: exitCode === NOT_EXECUTED,
  });
}

/**
 * Checks that a container has the right directories mounted. An Engine that does not see this daemon's mounts
 * would give it empty directories of the same names, and data written there would be lost.
 *
 * @throws {RuneError} `failed_precondition` after stopping the run.
 */
async function assertMounted(
  { pid, handle }: RunState,
  { ref, prepared, node, runner, signal }: {
    ref: RunRef;
    prepared: Prepared[];
    node: Node;
    runner: NodeRunner;
    signal: AbortSignal;
  },
): Promise<void> {
  if (runner.name !== "docker" || pid === undefined || handle === undefined || prepared.length === 0) return;
  const places = prepared.map(({ place }) => place);
  if (await node.volumes.hasMounted({ pid, container: handle }, { places, signal }) !== false) return;
  // The run may have ended meanwhile.
  if ((await runner.inspect(ref, signal)).state !== "running") return;
  await runner.stop(ref, { timeoutMs: 0, signal });
  throw new RuneError(
    "failed_precondition",
    "the Docker Engine gave the container other directories than its volumes",
    {
      hint:
        "run Engine and daemon in one view of mounts (no PrivateMounts= or container for one of them alone)",
    },
  );
}

/** The dependencies of a launch. */
export interface LaunchOptions {
  run: number;
  /** The attempt at an init step to launch instead of the main process. */
  attempt?: Attempt;
  node: Node;
  runner: NodeRunner;
  readData: ReadData;
  secrets: SecretReader;
  /** Called when a volume's directory was replaced and the volume must be mounted again. */
  onReplaced: (volume: Volume) => void;
  signal: AbortSignal;
  /** Commits the intent to create this run. Nothing is created before it resolves. */
  recordIntent: () => Promise<void>;
  /** Called with the keys of configmaps and secrets that were skipped, one sentence for each source. */
  onSkipped: (skipped: string[]) => Promise<void>;
  /** Pulls the image of an init step. */
  bringImage: (image: string) => Promise<void>;
}

/**
 * Creates and starts run number `run` of an instance, or an attempt at one of its init steps.
 *
 * @throws {LaunchError} with the reason of the phase that failed.
 */
export async function launch(
  view: InstanceView & { service: Service },
  options: LaunchOptions,
): Promise<void> {
  const { instance, mounts, service } = view;
  const { run, attempt, node, runner, signal } = options;
  const { template } = instance.spec;
  const image = attempt?.step.image;
  const { preparedAt, launchFailures } = instance.status;
  const here = preparedAt !== undefined && run === 1 && launchFailures === 0;
  if (image !== undefined && image !== template.image && runner.pullImage && !here) {
    await phaseOfImage(() => options.bringImage(image));
  }
  const find = (image: string | undefined) =>
    runPhase("LaunchFailed", () => ownerOf(instance, { runner, image, signal }));
  const user = mounts.some(isUnclaimed) ? await find(template.image) : undefined;
  const prepared = await runPhase("VolumeNotReady", () =>
    Promise.all(
      mounts.map((mount, i) =>
        prepareMount(mount, { ...options, instanceUid: instance.uid, index: i, firstOwner: user })
      ),
    ));
  const mountsFiles = template.secretMounts.length + template.configMounts.length > 0;
  const owner = mountsFiles ? await find(image ?? template.image) : undefined;
  const found = await runPhase("ConfigMissing", () =>
    resolveConfig(template, {
      namespace: instance.namespace,
      readData: options.readData,
      ...(owner && { owner }),
    }));
  if (found.skipped.length > 0 && !attempt) await options.onSkipped(found.skipped);
  const explicit = { ...template.env, ...template.process?.env, ...attempt?.step.env };
  const where = { namespace: instance.namespace, secrets: options.secrets };
  const referred = await runPhase("ConfigMissing", () => resolveSecretEnv(explicit, where));
  const named = Object.entries(found.secretEnv).filter(([name]) => !Object.hasOwn(explicit, name));
  const secretEnv = { ...Object.fromEntries(named), ...referred };
  await runPhase(
    "ConfigMissing",
    async () => requireFits({ template, step: attempt?.step }, { ...found.env, ...explicit, ...secretEnv }),
  );
  await options.recordIntent();
  await runPhase("LaunchFailed", async () => {
    const config = {
      env: found.env,
      mounts: await node.files.prepare({ instanceUid: instance.uid, run }, { mounts: found.mounts, signal }),
    };
    const main = runSpecOf(view, { run, sources: prepared.map(({ source }) => source), config });
    const { stopSignal } = service.spec;
    const spec = attempt
      ? stepSpecOf(main, attempt)
      : { ...main, ...(stopSignal !== undefined && { stopSignal }) };
    const ref: RunRef = {
      instanceUid: instance.uid,
      run,
      ...(spec.step !== undefined && { step: spec.step }),
    };
    await runner.create(withSecrets(spec, secretEnv), signal);
    const state = await runner.start(ref, signal);
    // For an init step, its end reports this later.
    if (!attempt && runner.name === "process" && state.state === "exited") refuseUnexecuted(state);
    await assertMounted(state, { ref, prepared, node, runner, signal });
  });
}

/** Moves variables with secret values out of the part of the environment that may be stored. */
export function withSecrets(spec: RunSpec, secretEnv: Record<string, string>): RunSpec {
  if (Object.keys(secretEnv).length === 0) return spec;
  const env = Object.fromEntries(
    Object.entries(spec.env).filter(([name]) => !Object.hasOwn(secretEnv, name)),
  );
  return { ...spec, env, secretEnv };
}

/** Runs work that needs an image. The reason of its error says whether the Engine or the registry failed. */
export async function phaseOfImage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const failure = toRuneError(thrown);
    // An unreachable Engine is an outage. An unreachable registry concerns only this image and is retried.
    if (failure.code === "unavailable") throw new LaunchError("LaunchFailed", failure);
    // Only a new spec helps, so do not retry.
    if (failure.code === "invalid_argument") throw new LaunchError("LaunchFailed", failure);
    const retryable = new RuneError(failure.code, failure.message, {
      cause: failure,
      permanent: false,
      ...(failure.hint !== undefined && { hint: failure.hint }),
    });
    throw new LaunchError("ImageUnreachable", retryable);
  }
}
