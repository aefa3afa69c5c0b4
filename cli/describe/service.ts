/** Describes a service: what it runs, its health, its instances and mounts. @module */
import { claimedVolumePattern } from "../../model/claim_names.ts";
import type { Probe } from "../../model/health.ts";
import { exposureOf, externalAddresses, isOpen } from "../../model/exposing.ts";
import type { Instance } from "../../model/instance.ts";
import type { VolumeMount } from "../../model/mounts.ts";
import type { Service, ServiceSpec } from "../../model/service.ts";
import { imageMountText } from "../../model/image_volume.ts";
import { imageMountsOf, imageVolumeNames } from "./image_notes.ts";
import { columnsOf } from "./columns.ts";
import { Table } from "../terminal/output.ts";
import type { DescribeContext } from "./context.ts";
import { envSource, fileMountLines, initStepLine } from "./config.ts";
import {
  formatCondition,
  formatLines,
  formatMoment,
  formatPairs,
  formatPart,
  shellWords,
} from "./sections.ts";

function mountLine(mount: VolumeMount, service: Service): string {
  const source = mount.claim
    ? `volume ${mount.claim.name}`
    : `volumes ${
      claimedVolumePattern({ mount: mount.name, service: service.name })
    }, ${mount.claimTemplate?.size} each`;
  const flags = [mount.readOnly ? "read-only" : "", mount.subPath && `subPath ${mount.subPath}`].filter(
    Boolean,
  );
  return `${mount.mountPath}  ${source}${flags.length > 0 ? ` (${flags.join(", ")})` : ""}`;
}

function runs(spec: ServiceSpec): [string, string | undefined][] {
  if (spec.process) {
    return [
      ["Process", shellWords([spec.process.command, ...spec.process.args])],
      ["Directory", spec.process.workdir],
    ];
  }
  return [
    ["Image", spec.image],
    ["Command", spec.command && shellWords(spec.command)],
    ["Arguments", spec.args && shellWords(spec.args)],
  ];
}

function ports(spec: ServiceSpec): string {
  return spec.ports.map(({ name, port, protocol }) => `${name ? `${name} ` : ""}${port}/${protocol}`).join(
    ", ",
  );
}

function resources(spec: ServiceSpec): string {
  const { cpu, memory } = spec.resources ?? {};
  const show = (what: string, amount?: { request?: string; limit?: string }) =>
    amount === undefined ? [] : [
      `${what} ${
        [amount.request && `request ${amount.request}`, amount.limit && `limit ${amount.limit}`].filter(
          Boolean,
        )
          .join(" ")
      }`,
    ];
  return [...show("cpu", cpu), ...show("memory", memory)].join(", ");
}

function describeExposure(service: Service, machine: string): string | undefined {
  const { expose } = service.spec;
  if (!expose) return undefined;
  const exposure = exposureOf(service);
  const where = externalAddresses(service, machine);
  const missing = exposure?.message === undefined ? "" : ` (${expose.host} not: ${exposure.message})`;
  const open = isOpen(service) ? " (on all addresses of the machine)" : "";
  return `port ${expose.port} at ${where.join(", ") || "no address"}${open}${missing}`;
}

function probeText(probe: Probe | undefined): string | undefined {
  if (!probe) return undefined;
  const what = probe.type === "exec"
    ? `exec ${shellWords(probe.command)}`
    : probe.type === "tcp"
    ? `tcp :${probe.port}`
    : `${probe.scheme} :${probe.port}${probe.path}`;
  return `${what} every ${probe.intervalSeconds}s, fails after ${probe.failureThreshold}`;
}

/** The image's check, which applies if the service has none. */
function imageCheck(instances: Instance[]): string | undefined {
  const probe = instances.find(({ status }) => status.image?.health)?.status.image?.health;
  return probe && `${probeText(probe)} (the image's HEALTHCHECK, as the service has no check of its own)`;
}

function imageMountLine(mount: VolumeMount, { name }: Service): string {
  return `${mount.mountPath}  ${
    imageVolumeNames(mount, name)
  } (declared by the image, covered by no mount; ` +
    `kept until the service is deleted; to keep it longer, add to volumes: ${imageMountText(mount)})`;
}

/** The configuration changes that its instances do not have yet. */
function configText({ namespace, name, status: { staleConfig } }: Service): string | undefined {
  if (!staleConfig) return undefined;
  const changed = staleConfig.map(({ config, instances }) => `${config} (${instances.join(", ")})`).join(
    ", ",
  );
  return `changed since start: ${changed}; to use it: rune restart ${name} -n ${namespace}`;
}

/** The description of a service. */
export async function describeService(
  service: Service,
  options: { context: DescribeContext; instances: Instance[] },
): Promise<string> {
  const { context, instances } = options;
  const { spec, status } = service;
  const deleting = service.deletionRequestedAt !== undefined;
  const env = Object.entries({ ...spec.process?.env, ...spec.env }).map(([key, value]) => `${key}=${value}`);
  const table = new Table(columnsOf("instance"), { paint: context.paint, wide: true, headers: true });
  return formatLines([
    ["Name", service.name],
    ["Namespace", service.namespace],
    ["Status", formatCondition(status, { paint: context.paint, deleting })],
    [
      "Instances",
      `${status.ready} ready of ${spec.scale}` +
      (status.completed === undefined ? "" : `, ${status.completed} completed`) +
      (status.updated < spec.scale ? `, ${status.updated} up to date` : ""),
    ],
    [
      "Rollout",
      status.rolloutStartedAt && `in progress since ${formatMoment(status.rolloutStartedAt, context.now)}`,
    ],
    ["Config", configText(service)],
    [
      "Scaling",
      status.scaling && !status.scaling.done
        ? `${status.scaling.current} of ${spec.scale} wanted so far`
        : undefined,
    ],
    ["Generation", service.generation],
    ["Created", formatMoment(service.createdAt, context.now)],
    ["Deletion", formatMoment(service.deletionRequestedAt, context.now)],
    ["Labels", formatPairs(service.labels)],
    ...runs(spec),
    ["Ports", ports(spec)],
    ["Startup", probeText(spec.health?.startup)],
    ["Liveness", probeText(spec.health?.liveness)],
    ["Readiness", probeText(spec.health?.readiness) ?? imageCheck(instances)],
    [
      "Depends on",
      spec.dependencies.map((d) => `${d.service}${d.namespace ? ` in ${d.namespace}` : ""} (${d.readyWhen})`)
        .join(", "),
    ],
    ["Exposed", describeExposure(service, context.host)],
    ["Resources", resources(spec)],
    ["Restart", spec.restart],
    [
      "Update",
      spec.update.strategy === "recreate"
        ? "recreate"
        : `rolling, at most ${spec.update.maxUnavailable} unavailable, ready within ${spec.update.timeout}`,
    ],
  ]) +
    formatPart("Environment", env.join("\n")) +
    formatPart("Environment from", spec.envFrom.map(envSource).join("\n")) +
    formatPart(
      "Mounts",
      [
        ...spec.volumes.map((mount) => mountLine(mount, service)),
        ...imageMountsOf(instances).map((mount) => imageMountLine(mount, service)),
        ...fileMountLines(spec),
      ].join("\n"),
    ) +
    formatPart("Init steps", spec.initSteps.map(initStepLine).join("\n")) +
    formatPart("Instances", instances.length === 0 ? "none" : await table.render(instances, context));
}
