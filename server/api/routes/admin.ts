/**
 * Administration: users, service accounts, tokens, policies, the audit log, the key encryption key.
 * @module
 */
import { z } from "zod";
import { listSchema } from "../../../model/api.ts";
import {
  auditRecord,
  grantBody,
  newTokenView,
  policyBody,
  policyView,
  serviceAccountBody,
  tokenBody,
  tokenView,
  userBody,
  userView,
} from "../../../model/identity.ts";
import type { Tx } from "../../../store/store.ts";
import {
  createPolicy,
  createToken,
  createUser,
  deletePolicy,
  deleteUser,
  grant,
  listPolicies,
  putPolicy,
  revokeToken,
  viewOfToken,
  viewOfUser,
} from "../../auth/identities.ts";
import type { ServerDeps } from "../deps.ts";
import { type Call, type Endpoint, endpoint, timeSchema, wholeNumber } from "../endpoint.ts";
import { eventStream, type ServerSentEvent } from "../streams/sse.ts";

const MAX_RECORDS = 10_000;

const auditQuery = z.strictObject({
  since: timeSchema.optional().describe("A time, or a duration before now"),
  user: z.string().max(63).optional(),
  denied: z.enum(["true", "false"]).default("false").describe("Only refusals"),
  limit: wholeNumber.refine((n) => n > 0 && n <= MAX_RECORDS, { error: `expected 1 to ${MAX_RECORDS}` })
    .default(1000)
    .describe("At most this many records, the newest"),
  follow: z.enum(["true", "false"]).default("false").describe("Follow new records, as server-sent events"),
});

const tag = "admin";
const json = (value: unknown, status = 200) =>
  Response.json(value, { status, headers: { "cache-control": "no-store" } });

/** `/v1/admin/…`. */
export function adminRoutes(deps: ServerDeps): Endpoint[] {
  return [...userRoutes(deps), ...tokenRoutes(deps), ...policyRoutes(deps), ...daemonRoutes(deps)];
}

function userRoutes({ store }: ServerDeps): Endpoint[] {
  const made = { 201: { description: "The new user", schema: userView } };
  const write = <T>({ principal }: Call, work: (tx: Tx, own: Call["principal"]["rules"]) => T) =>
    store.transact((tx) => work(tx, principal.rules));
  return [
    endpoint({
      method: "get",
      path: "/v1/admin/users",
      tag,
      summary: "List users and service accounts",
      answers: { 200: { description: "All of them", schema: listSchema(userView) } },
      handle: () => json({ items: store.list("user").map(viewOfUser), revision: store.revision }),
    }),
    endpoint({
      method: "post",
      path: "/v1/admin/users",
      tag,
      summary: "Create a user",
      body: userBody,
      answers: made,
      async handle(call) {
        call.note(`user ${call.body.name}: ${call.body.policies.join(", ") || "no policy"}`);
        return json(await write(call, (tx, own) => createUser(tx, own, { ...call.body, type: "user" })), 201);
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/admin/services",
      tag,
      summary: "Create a service account, whose policies apply in one namespace only",
      body: serviceAccountBody,
      answers: made,
      async handle(call) {
        const { name, namespace, policies } = call.body;
        call.note(`service account ${name} in ${namespace}: ${policies.join(", ") || "no policy"}`);
        return json(
          await write(call, (tx, own) => createUser(tx, own, { ...call.body, type: "service" })),
          201,
        );
      },
    }),
    endpoint({
      method: "put",
      path: "/v1/admin/users/{name}/policies",
      tag,
      summary: "Replace the policies of a user or service account",
      body: grantBody,
      answers: { 200: { description: "The changed user", schema: userView } },
      async handle(call) {
        call.note(call.body.policies.join(", "));
        return json(
          await write(call, (tx, own) => grant(tx, own, { name: call.params.name!, ...call.body })),
        );
      },
    }),
    endpoint({
      method: "delete",
      path: "/v1/admin/users/{name}",
      tag,
      summary: "Remove a user or service account and its tokens",
      answers: { 200: { description: "The removed user", schema: userView } },
      handle: async (call) => json(await write(call, (tx, own) => deleteUser(tx, own, call.params.name!))),
    }),
  ];
}

function tokenRoutes({ store }: ServerDeps): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/admin/tokens",
      tag,
      summary: "List tokens, without their secrets",
      answers: { 200: { description: "All of them", schema: listSchema(tokenView) } },
      handle() {
        const now = Date.now();
        return json({ items: store.list("token").map((t) => viewOfToken(t, now)), revision: store.revision });
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/admin/tokens",
      tag,
      summary: "Create a token for a user or service account",
      body: tokenBody,
      answers: { 201: { description: "The token, which is shown only once", schema: newTokenView } },
      async handle(call) {
        const made = await store.transact((tx) => createToken(tx, call.principal.rules, call.body));
        call.note(`token ${made.id} for ${made.user}`);
        return json(made, 201);
      },
    }),
    endpoint({
      method: "delete",
      path: "/v1/admin/tokens/{name}",
      tag,
      summary: "Revoke a token at once, and end its open streams",
      answers: { 200: { description: "The revoked token", schema: tokenView } },
      handle: async ({ params, principal }) =>
        json(
          await store.transact((tx) =>
            revokeToken(tx, principal.rules, { id: params.name!, self: principal.name })
          ),
        ),
    }),
  ];
}

function policyRoutes({ store }: ServerDeps): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/admin/policies",
      tag,
      summary: "List policies",
      answers: {
        200: { description: "All policies, built-in ones first", schema: listSchema(policyView) },
      },
      handle: () => json({ items: listPolicies(store), revision: store.revision }),
    }),
    endpoint({
      method: "post",
      path: "/v1/admin/policies",
      tag,
      summary: "Create a policy",
      body: policyBody,
      answers: { 201: { description: "The new policy", schema: policyView } },
      async handle({ body, principal, note }) {
        note(`policy ${body.name}`);
        return json(await store.transact((tx) => createPolicy(tx, principal.rules, body)), 201);
      },
    }),
    endpoint({
      method: "put",
      path: "/v1/admin/policies/{name}",
      tag,
      summary: "Create or replace a policy",
      body: policyBody.omit({ name: true }),
      answers: { 200: { description: "The written policy", schema: policyView } },
      async handle({ params, body, principal }) {
        const policy = policyBody.parse({ ...body, name: params.name });
        return json(await store.transact((tx) => putPolicy(tx, principal.rules, policy)));
      },
    }),
    endpoint({
      method: "delete",
      path: "/v1/admin/policies/{name}",
      tag,
      summary: "Remove a policy that no user has",
      answers: { 200: { description: "The removed policy", schema: policyView } },
      handle: async ({ params, principal }) =>
        json(await store.transact((tx) => deletePolicy(tx, principal.rules, params.name!))),
    }),
  ];
}

function daemonRoutes({ auth, secrets, shutdown, logger }: ServerDeps): Endpoint[] {
  return [
    endpoint({
      method: "post",
      path: "/v1/admin/rotate-kek",
      tag,
      summary: "Replace the key encryption key while everything keeps running",
      answers: {
        200: {
          description: "How many data keys were rewrapped",
          schema: z.object({ rewrapped: z.number().int() }),
        },
      },
      async handle() {
        const done = await secrets.rotate();
        logger.info("rotated the key encryption key and rewrapped {rewrapped} data keys", done);
        return json(done);
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/admin/audit",
      tag,
      summary: "Who did what, oldest first",
      query: auditQuery,
      answers: {
        200: {
          description: "Records",
          schema: z.object({ items: z.array(auditRecord) }),
          events: auditRecord,
        },
      },
      async handle({ query, requestId }) {
        const { follow, denied, ...rest } = query;
        const filter = { ...rest, denied: denied === "true" };
        if (follow === "false") return json({ items: await auth.audit.read(filter) });
        const source = async function* (signal: AbortSignal): AsyncGenerator<ServerSentEvent> {
          const coming = auth.audit.follow(filter, signal)[Symbol.asyncIterator]();
          // Subscribe before the past is read, so that no record is missed in between.
          let next = coming.next();
          for (const record of await auth.audit.read(filter)) yield { event: "record", data: record };
          for (let step = await next; !step.done; step = await next) {
            yield { event: "record", data: step.value };
            next = coming.next();
          }
        };
        return eventStream(source, { shutdown, requestId });
      },
    }),
  ];
}
