/** Generates the OpenAPI document from the endpoints and their schemas. @module */
import { OpenApiGeneratorV31, OpenAPIRegistry } from "@asteasolutions/zod-to-openapi";
import { z } from "zod";
import { problemSchema } from "../../model/api.ts";
import { FIELD_DOCS } from "../../model/field_docs/kinds.ts";
import { configMapResource } from "../../model/config_map.ts";
import { BODIES, type CastKind } from "../../model/declared.ts";
import { eventResource } from "../../model/event.ts";
import { instanceResource, instanceSpecSchema } from "../../model/instance.ts";
import { namespaceResource } from "../../model/namespace.ts";
import type { HiddenKind, Kind } from "../../model/resource.ts";
import { secretResource } from "../../model/secret.ts";
import { serviceResource } from "../../model/service.ts";
import { snapshotResource } from "../../model/snapshot.ts";
import { storageClassResource } from "../../model/storage_class.ts";
import { volumeResource } from "../../model/volume.ts";
import { type Access, accessOf } from "../auth/access.ts";
import type { Answer, Endpoint } from "./endpoint.ts";
import { describeFields, type JsonSchema } from "./field_descriptions.ts";

/** Names a schema, so that the document contains it once and refers to it elsewhere. */
const nameSchema = <T extends z.ZodType>(name: string, schema: T): T => schema.meta({ id: name });

/** The schema of each kind that the API shows. */
export const RESOURCES: Record<Exclude<Kind, HiddenKind>, z.ZodType> = {
  namespace: nameSchema("Namespace", namespaceResource),
  storageClass: nameSchema("StorageClass", storageClassResource),
  secret: nameSchema("Secret", secretResource),
  configmap: nameSchema("ConfigMap", configMapResource),
  volume: nameSchema("Volume", volumeResource),
  snapshot: nameSchema("Snapshot", snapshotResource),
  service: nameSchema("Service", serviceResource),
  // An instance's template is an earlier spec of its service, perhaps of an earlier version of Rune, so it is
  // a map here.
  instance: nameSchema(
    "Instance",
    instanceResource.extend({
      spec: instanceSpecSchema.extend({ template: z.record(z.string(), z.unknown()) }),
    }),
  ),
  event: nameSchema("Event", eventResource),
};

/** The schema of each kind's body, as castfiles have it. */
export const DECLARATIONS: Record<CastKind, z.ZodType> = {
  namespace: nameSchema("NamespaceBody", BODIES.namespace),
  storageClass: nameSchema("StorageClassBody", BODIES.storageClass),
  secret: nameSchema("SecretBody", BODIES.secret),
  configmap: nameSchema("ConfigMapBody", BODIES.configmap),
  volume: nameSchema("VolumeBody", BODIES.volume),
  snapshot: nameSchema("SnapshotBody", BODIES.snapshot),
  service: nameSchema("ServiceBody", BODIES.service),
};

const problem = {
  description: "What failed and what to do",
  content: { "application/problem+json": { schema: nameSchema("Problem", problemSchema) } },
};

const answer = ({ description, schema, events }: Answer) => ({
  description,
  content: {
    ...(schema && { "application/json": { schema } }),
    ...(events && { "text/event-stream": { schema: events } }),
  },
});

const PLACES = { namespace: "in the namespace", name: "there", cluster: "everywhere" };

/** Says what a route requires of its caller. */
function needs(access: Access): string {
  switch (access.who) {
    case "anyone":
      return "Needs no token.";
    case "loopback":
      return "Needs no token, but a caller on this machine.";
    case "authenticated":
      return "Needs a token.";
    case "writer":
      return "Needs the right to create or update each resource of the request.";
    case "somewhere":
      return `Needs ${access.resource}: ${access.verb} in at least one namespace; shows what the caller may see.`;
    case "permitted":
      return `Needs ${access.resource}: ${access.verb} ${PLACES[access.at]}.`;
  }
}

/** Says what an endpoint requires of its caller, as a sentence. */
export function describeAccess(endpoint: Endpoint): string {
  return needs(accessOf(endpoint) ?? { who: "authenticated" });
}

const TOKEN = "token";

function security(endpoint: Endpoint): { description: string; security: Record<string, string[]>[] } {
  const access = accessOf(endpoint) ?? { who: "authenticated" };
  const open = access.who === "anyone" || access.who === "loopback";
  return { description: needs(access), security: open ? [] : [{ [TOKEN]: [] }] };
}

/** Generates the document. */
export function openApiDocument(endpoints: Endpoint[], version: string): object {
  const registry = new OpenAPIRegistry();
  registry.registerComponent("securitySchemes", TOKEN, {
    type: "http",
    scheme: "bearer",
    description: "A token of `rune admin`; not needed if the runefile says `auth.enabled: false`.",
  });
  for (const endpoint of endpoints) {
    const names = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
    registry.registerPath({
      method: endpoint.method,
      path: endpoint.path,
      operationId: operationId(endpoint),
      tags: [endpoint.tag],
      summary: endpoint.summary,
      ...security(endpoint),
      request: {
        ...(names.length > 0 && {
          params: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))),
        }),
        ...(endpoint.query && { query: endpoint.query }),
        ...(endpoint.body && {
          body: {
            required: true,
            content: { "application/json": { schema: endpoint.documentedBody ?? endpoint.body } },
          },
        }),
      },
      responses: {
        ...Object.fromEntries(Object.entries(endpoint.answers).map(([status, a]) => [status, answer(a)])),
        "4XX": problem,
        "5XX": problem,
      },
    });
  }
  const document = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: "3.1.0",
    servers: [{ url: "/" }],
    info: {
      title: "Rune",
      version,
      description: "HTTP API of a Rune daemon. Errors are problem documents with a code (RFC 9457).",
    },
  });
  for (const kind of Object.keys(DECLARATIONS) as CastKind[]) {
    const { id } = DECLARATIONS[kind].meta()!;
    describeFields(document.components!.schemas![id!] as JsonSchema, FIELD_DOCS[kind]);
  }
  return document;
}

/** `GET /v1/namespaces/{namespace}/services/{name}` → `get_v1_namespaces_namespace_services_name`. */
function operationId({ method, path }: Endpoint): string {
  return `${method}${path.replace(/[^A-Za-z0-9]+/g, "_").replace(/_$/, "")}`;
}
