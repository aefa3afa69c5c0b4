import assert from "node:assert/strict";
import { z } from "zod";
import { endpoints } from "../api/app.ts";
import { backupRequestSchema } from "../../model/api.ts";
import { withGuard } from "./auth_fixture.ts";
import type { Permission } from "./authority.ts";
import { parameterRule, parametersOf, permitParameters } from "./parameters.ts";

Deno.test("every parameter of every route has a rule, and every rule has its parameter", () =>
  withGuard(async ({ deps }) => {
    const undecided = endpoints(deps).flatMap((route) =>
      parametersOf(route).filter((name) => parameterRule(route, name) === undefined)
        .map((name) => `${route.method} ${route.path}: ${name}`)
    );
    assert.deepEqual(undecided, []);
    const backup = endpoints(deps).find(({ path }) => path === "/v1/admin/backup")!;
    assert.deepEqual(parametersOf(backup), Object.keys(backupRequestSchema.shape));
  }));

Deno.test("permitParameters() refuses a parameter without a rule to every caller", () => {
  const doNothing = () => {};
  const path = "/v1/admin/backup";
  for (const body of [z.object({ withTokens: z.boolean() }), z.union([z.string(), z.number()])]) {
    const route = { method: "post", path, body } as const;
    assert.throws(() => permitParameters(doNothing, route, { input: {} }), /no rule permits/);
  }
  const query = z.object({ constructor: z.string() });
  assert.throws(
    () => permitParameters(doNothing, { method: "get", path: "/v1/services", query }, { input: {} }),
    /no rule permits constructor/,
  );
});

Deno.test("a backup requires the right to the key, to each volume in it, and to pause the writers", () => {
  const listAsked = (body: z.input<typeof backupRequestSchema>): string[] => {
    const required: Permission[] = [];
    permitParameters(
      (permission) => void required.push(permission),
      { method: "post", path: "/v1/admin/backup", body: backupRequestSchema },
      { input: backupRequestSchema.parse(body) },
    );
    return required.map(({ verb, resource, namespace }) => `${verb} ${resource} ${namespace}`.trim());
  };
  assert.deepEqual(listAsked({}), []);
  assert.deepEqual(listAsked({ withKek: true }), ["get kek"]);
  assert.deepEqual(listAsked({ volumes: ["a/x", "b/y"] }), [
    "get volumes a",
    "create snapshots a",
    "get volumes b",
    "create snapshots b",
  ]);
  assert.deepEqual(listAsked({ volumes: ["a/x"], snapshots: false }), ["get volumes a"]);
});

Deno.test("a backup contains no key or volume without the right to it, and reveals to nobody which volumes exist", () =>
  withGuard(async ({ root, as, someone }) => {
    const admin = await someone("boss", ["admin"]);
    const rules = [{ resource: "backup", verbs: ["create"] }, {
      resource: "volumes",
      verbs: ["get"],
      namespace: "prod",
    }];
    await as(root, "PUT", "/v1/admin/policies/keeper", { rules });
    const keeper = await someone("keeper", ["keeper"]);
    const assertRefused = async (token: string, body: unknown, may: RegExp) => {
      const answer = await as(token, "POST", "/v1/admin/backup", body);
      const text = await answer.text();
      assert.equal(answer.status, 403, text);
      assert.match(text, may);
    };
    await assertRefused(admin, { withKek: true }, /boss may not get kek/);
    await assertRefused(keeper, { withKek: true }, /keeper may not get kek/);
    for (const name of ["there", "nowhere"]) {
      await assertRefused(
        keeper,
        { volumes: [`other/${name}`] },
        /keeper may not get volumes in namespace other/,
      );
    }
    await assertRefused(keeper, { volumes: ["prod/x"] }, /keeper may not create snapshots in namespace prod/);
    await assertRefused(keeper, { volumes: ["prod/x", "other/x"], snapshots: false }, /in namespace other/);
    const none = await as(keeper, "POST", "/v1/admin/backup", { volumes: ["prod/x"], snapshots: false });
    assert.equal(none.status, 404, await none.text());
  }));
