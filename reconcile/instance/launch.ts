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

/** A launch that failed, with the reason that the service's status shows. */
export class LaunchError extends Error {
  constructor(readonly reason: ServiceReason, readonly failure: RuneError) {
    super(failure.message, { cause: failure });
  }
}

/** Runs one phase of a launch and names it when it fails. */
export async function phase<T>(reason: ServiceReason, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw new LaunchError(reason, toRuneError(thrown));
  }
}

/**
 * Exit codes of a process whose set-up failed, and of one whose command is nothing that can be executed
 * (sh(1)).
 */
const NOT_PREPARED = 126;
const NOT_EXECUTED = 127;

/** Codes that say nothing about the instance: the runner could not be reached, or the pass was cut short. */
const UNRELATED: readonly ErrorCode[] = ["unavailable", "deadline_exceeded"];

/** Whether the launch failed because the runner is out of reach, not because of what was to be launched. */
export function isRunnerOutage(error: LaunchError): boolean {
  return error.reason === "LaunchFailed" && UNRELATED.includes(error.failure.code);
}

/** Whether the image could not be had because its registry did not answer. */
export function isRegistryAway({ reason, failure }: LaunchError): boolean {
  return reason === "ImageUnreachable" && ["failed_precondition", "deadline_exceeded"].includes(failure.code);
}

/** Everything the runner needs, from the instance and its mounted volumes. */
export function runSpecOf(
  view: Pick<InstanceView, "instance" | "shared">,
  options: {
    run: number;
    /** The directory behind each volume mount. */
    sources: string[];
    /** What comes from configmaps and secrets. */
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
    // A name is for those that are ready: without a check, that is from the start.
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
 * What a step runs: as the main process, with its mounts and variables, but known to nobody on the network.
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

/** A mount that is ready: the path for the runner, and which directory the run must come to have. */
interface Prepared {
  source: string;
  place: FilesystemPlace;
}

/** Has one mount made ready, with its owner and mode as asked. */
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
 * @throws {RuneError} `failed_precondition` where nothing of the run ran, since its command could not be
 * executed; permanent where only a person can change that.
 */
function refuseUnexecuted({ exitCode, error }: RunState): void {
  if (error === undefined || (exitCode !== NOT_PREPARED && exitCode !== NOT_EXECUTED)) return;
  throw new RuneError("failed_precondition", error, {
    hint: "correct the command, or what it needs on the host",
    permanent: exitCode === NOT_EXECUTED,
  });
}

/**
 * Makes sure that a container has the directories that it was given: an Engine that does not see this
 * daemon's mounts gives it empty ones by the same names, and what it writes there is lost.
 *
 * @throws {RuneError} `failed_precondition`, once the run has been stopped.
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
  // It may have ended and been taken down meanwhile.
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

/** What a launch works with. */
export interface LaunchOptions {
  run: number;
  /** Launches an attempt at an init step of the run instead of its main process. */
  attempt?: Attempt;
  node: Node;
  runner: NodeRunner;
  readData: ReadData;
  secrets: SecretReader;
  /** Told that a volume's directory is no longer what was mounted: it must be mounted anew. */
  onReplaced: (volume: Volume) => void;
  signal: AbortSignal;
  /** Commits that this run is about to exist; nothing is made before it has resolved. */
  recordIntent: () => Promise<void>;
  /** Told what of a configmap or secret was left out, a sentence each. */
  onSkipped: (skipped: string[]) => Promise<void>;
  /** Makes the image of an init step present. */
  bringImage: (image: string) => Promise<void>;
}

/**
 * Brings run number `run` of an instance to life, or an attempt at a step before it.
 *
 * @throws {LaunchError} with the phase that failed.
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
    phase("LaunchFailed", () => ownerOf(instance, { runner, image, signal }));
  const user = mounts.some(isUnclaimed) ? await find(template.image) : undefined;
  const prepared = await phase("VolumeNotReady", () =>
    Promise.all(
      mounts.map((mount, i) =>
        prepareMount(mount, { ...options, instanceUid: instance.uid, index: i, firstOwner: user })
      ),
    ));
  const mountsFiles = template.secretMounts.length + template.configMounts.length > 0;
  const owner = mountsFiles ? await find(image ?? template.image) : undefined;
  const found = await phase("ConfigMissing", () =>
    resolveConfig(template, {
      namespace: instance.namespace,
      readData: options.readData,
      ...(owner && { owner }),
    }));
  if (found.skipped.length > 0 && !attempt) await options.onSkipped(found.skipped);
  const explicit = { ...template.env, ...template.process?.env, ...attempt?.step.env };
  const where = { namespace: instance.namespace, secrets: options.secrets };
  const referred = await phase("ConfigMissing", () => resolveSecretEnv(explicit, where));
  const named = Object.entries(found.secretEnv).filter(([name]) => !Object.hasOwn(explicit, name));
  const secretEnv = { ...Object.fromEntries(named), ...referred };
  await phase(
    "ConfigMissing",
    async () => requireFits({ template, step: attempt?.step }, { ...found.env, ...explicit, ...secretEnv }),
  );
  await options.recordIntent();
  await phase("LaunchFailed", async () => {
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
    // An init step tells it when its end is looked at.
    if (!attempt && runner.name === "process" && state.state === "exited") refuseUnexecuted(state);
    await assertMounted(state, { ref, prepared, node, runner, signal });
  });
}

/** Values in place of the references, out of the part of the environment that may be written down. */
export function withSecrets(spec: RunSpec, secretEnv: Record<string, string>): RunSpec {
  if (Object.keys(secretEnv).length === 0) return spec;
  const env = Object.fromEntries(
    Object.entries(spec.env).filter(([name]) => !Object.hasOwn(secretEnv, name)),
  );
  return { ...spec, env, secretEnv };
}

/** Runs what needs an image, and says by its reason whether the engine or the registry failed. */
export async function phaseOfImage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const failure = toRuneError(thrown);
    // An engine that does not answer is an outage; a registry that does not is the image's problem, and worth
    // a retry.
    if (failure.code === "unavailable") throw new LaunchError("LaunchFailed", failure);
    // Only another spec helps: nobody needs to wait for that.
    if (failure.code === "invalid_argument") throw new LaunchError("LaunchFailed", failure);
    const retryable = new RuneError(failure.code, failure.message, {
      cause: failure,
      permanent: false,
      ...(failure.hint !== undefined && { hint: failure.hint }),
    });
    throw new LaunchError("ImageUnreachable", retryable);
  }
}
