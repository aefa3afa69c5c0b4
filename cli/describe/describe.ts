/** Describes a resource in words. Kinds without a description of their own are shown as YAML. @module */
import type { AnyResource } from "../../model/resource.ts";
import { instanceUsage, listResources } from "../client/api.ts";
import type { Client } from "../client/client.ts";
import { columnsOf } from "./columns.ts";
import { renderYaml, Table } from "../terminal/output.ts";
import { isAbout } from "../waiting/warnings.ts";
import { usersOf } from "./config.ts";
import type { DescribeContext } from "./context.ts";
import { describeInstance } from "./instance.ts";
import { formatLines, formatMoment, formatPairs, formatPart } from "./sections.ts";
import { describeService } from "./service.ts";
import { describeSnapshot } from "./snapshot.ts";
import { describeVolume } from "./volume.ts";

/** The most events shown, the latest. */
const EVENTS = 15;

async function describeGeneric(resource: AnyResource, { now }: DescribeContext): Promise<string> {
  const head = formatLines([
    ["Name", resource.name],
    ["Namespace", resource.namespace],
    ["Labels", formatPairs(resource.labels)],
    ["Created", formatMoment(resource.createdAt, now)],
    ["Deletion", formatMoment(resource.deletionRequestedAt, now)],
  ]);
  const spec = Object.keys(resource.spec).length === 0 ? "" : await renderYaml(resource.spec);
  return head + formatPart("Spec", spec);
}

async function body(client: Client, resource: AnyResource, context: DescribeContext): Promise<string> {
  const { namespace, name } = resource;
  switch (resource.kind) {
    case "service": {
      const instances = await listResources(client, "instance", {
        namespace,
        fieldSelector: `spec.service=${name}`,
      });
      instances.sort((a, b) => a.spec.ordinal - b.spec.ordinal);
      const used = await instanceUsage(client, namespace);
      return await describeService(resource, { context: { ...context, instanceUsage: used }, instances });
    }
    case "volume":
      return describeVolume(resource, { context, services: await listResources(client, "service", {}) });
    case "snapshot":
      return describeSnapshot(resource, { context, volumes: await listResources(client, "volume", {}) });
    case "configmap":
    case "secret":
      return await describeGeneric(resource, context) +
        formatPart(
          "Used by",
          usersOf(resource, await listResources(client, "service", {})).join("\n") || "no service",
        );
    case "instance":
      return describeInstance(resource, context);
    default:
      return await describeGeneric(resource, context);
  }
}

/** The description of a resource, with its latest events at the end. */
export async function describeResource(
  client: Client,
  resource: AnyResource,
  context: DescribeContext,
): Promise<string> {
  const text = await body(client, resource, context);
  if (resource.namespace === "" || resource.kind === "event") return text;
  const events = (await listResources(client, "event", { namespace: resource.namespace }))
    .filter((event) => isAbout(resource, event))
    .sort((a, b) => a.resourceVersion - b.resourceVersion)
    .slice(-EVENTS);
  const table = new Table(columnsOf("event"), { paint: context.paint, wide: true, headers: true });
  return text + formatPart("Events", events.length === 0 ? "none" : await table.render(events, context));
}
