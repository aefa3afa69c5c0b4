/** Rules of services that depend on volumes, classes and drivers. @module */
import { claimedVolumeName } from "../../model/claim_names.ts";
import { checkService } from "../../model/checks.ts";
import { checkExposedOnce, type NamedExposing } from "../../model/exposing.ts";
import { sameValue } from "../../model/changes.ts";
import type { DeclaredSpec } from "../../model/declared.ts";
import { environmentIssues } from "../../model/environment_size.ts";
import { keepEqualQuantities } from "../../model/equal_quantities.ts";
import type { FieldIssue } from "../../model/error.ts";
import { runnerOf } from "../../model/instance.ts";
import type { VolumeMount } from "../../model/mounts.ts";
import { parseNameRef } from "../../model/name.ts";
import { describeKey } from "../../model/resource.ts";
import type { Service, ServiceSpec } from "../../model/service.ts";
import { maySee, nameTo } from "../auth/visibility.ts";
import { checkCapacity, hostCapacity } from "./capacity.ts";
import { checkTemplateDirectory } from "./directories.ts";
import { checkTemplateHandle } from "./handles.ts";
import { checkPorts } from "./ports.ts";
import { checkFileMounts, checkProcessMount } from "./process_mounts.ts";
import { listTemplateVolumes } from "./template_volumes.ts";
import { checkGrowth, checkKeptFields, checkNewVolume, noClass } from "./volume.ts";
import { defaultClass, prefixIssues, type Verdict, type World } from "./world.ts";

interface DeclaredService {
  namespace: string;
  name: string;
  spec: DeclaredSpec<"service">;
}

/**
 * Fills in the classes of claim templates and checks a service. As with volumes, the first write pins the
 * class, so all ordinals get the same one even if the default changes.
 */
export function admitService(declared: DeclaredService, world: World): Verdict<ServiceSpec> {
  const { namespace, name } = declared;
  const before = world.state.get("service", namespace, name);
  const { identity: _, ...declaredSpec } = declared.spec as ServiceSpec;
  const spec = keepEqualQuantities({
    ...declaredSpec,
    volumes: declared.spec.volumes.map((mount) => pinClass(mount, before, world)),
  }, before?.spec);
  // A service can always be scaled down or stopped, whatever else was cast since.
  const { scale } = spec;
  if (
    before && scale <= before.spec.scale && sameValue({ ...before.spec, scale, identity: undefined }, spec)
  ) {
    return { spec, issues: [] };
  }
  const service = { namespace, name, spec };
  const issues = [
    ...checkService(service, (ns, volume) => world.state.get("volume", ns, volume)?.spec.accessMode),
    ...checkExposedOnce(service, {
      others: listCompeting(service, world),
      describe: (other) => nameTo(world.viewer, "service", other),
    }),
    ...spec.volumes.flatMap((mount, i) =>
      prefixIssues(["volumes", i], checkMount(mount, { service, before, world }))
    ),
    ...environmentIssues(spec, {
      namespace,
      // The values of a secret are known only at launch.
      find: (kind, ns, data) =>
        kind === "configmap" && maySee(world.viewer, "configmap", ns)
          ? world.state.get("configmap", ns, data)?.spec.data
          : undefined,
    }),
    ...checkPorts(spec, world.ports),
    ...checkFileMounts(spec, world),
    ...checkCapacity(spec, { before: before?.spec, capacity: hostCapacity() }),
  ];
  return { spec, issues };
}

/**
 * Stored services with the same name or port, except those that are being deleted or that this cast has yet
 * to write.
 */
function* listCompeting(service: NamedExposing, { exposed, later }: World): Generator<Service> {
  for (const other of exposed.listSharing(service)) {
    if (other.deletionRequestedAt === undefined && !later?.has(describeKey(other))) yield other;
  }
}

const templateNamed = (service: Service | undefined, mount: string) =>
  service?.spec.volumes.find((m) => m.name === mount)?.claimTemplate;

function pinClass(mount: VolumeMount, before: Service | undefined, world: World): VolumeMount {
  const template = mount.claimTemplate;
  if (!template || template.storageClassName !== undefined) return mount;
  const storageClassName = templateNamed(before, mount.name)?.storageClassName ?? defaultClass(world);
  return storageClassName === undefined
    ? mount
    : { ...mount, claimTemplate: { ...template, storageClassName } };
}

function checkMount(
  mount: VolumeMount,
  { service, before, world }: { service: DeclaredService; before?: Service; world: World },
): FieldIssue[] {
  const { claim, claimTemplate: template } = mount;
  const isProcess = runnerOf(service.spec) === "process";
  if (claim) {
    const ref = parseNameRef(claim.name, service.namespace)!;
    const volume = world.state.get("volume", ref.namespace, ref.name);
    // The volume may be cast after the service, which waits for it.
    if (!volume) return [];
    return isProcess ? checkProcessMount(mount, { place: volume, classPath: ["claim"], world }) : [];
  }
  if (!template) return [];
  const { storageClassName } = template;
  if (storageClassName === undefined) return prefixIssues(["claimTemplate"], [noClass(world)]);
  const earlier = templateNamed(before, mount.name);
  const nameOf = (ordinal: number) =>
    claimedVolumeName({ mount: mount.name, service: service.name, ordinal });
  const place = {
    namespace: service.namespace,
    name: nameOf(0),
    spec: { ...template, storageClassName },
  };
  const issues = earlier && sameValue(earlier, template) ? [] : checkNewVolume(place, world);
  if (earlier && listTemplateVolumes(service, { mount: mount.name, state: world.state }).length > 0) {
    issues.push(...checkKeptFields(earlier, template), ...checkGrowth(earlier, template, world));
  }
  const { scale } = service.spec;
  issues.push(...checkTemplateDirectory(place, { nameOf, scale, world }));
  const driver = world.drivers.get(world.state.get("storageClass", "", storageClassName)?.spec.driver ?? "");
  const others = service.spec.volumes.filter(({ name }) => name !== mount.name)
    .flatMap(({ claimTemplate }) => claimTemplate ? [claimTemplate.parameters] : []);
  issues.push(...checkTemplateHandle(template.parameters, { scale, driver, others }));
  return [
    ...prefixIssues(["claimTemplate"], issues),
    ...isProcess
      ? checkProcessMount(mount, { place, classPath: ["claimTemplate", "storageClassName"], world })
      : [],
  ];
}
