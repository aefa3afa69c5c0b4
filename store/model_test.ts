import assert from "node:assert/strict";
import fc from "fast-check";
import type { AnyResource } from "../model/resource.ts";
import type { Change, Store, Tx } from "./store.ts";
import { openStore } from "./store.ts";
import { service, withDir } from "./store_fixture.ts";

Deno.test.sanitizer({ ops: true, resources: true });

type Op =
  | { op: "put"; name: string; scale: number; label: string }
  | { op: "remove"; name: string }
  | { op: "rename"; name: string; to: string };

const name = fc.constantFrom("a", "b", "c", "d");
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("put" as const),
      name,
      scale: fc.nat(3),
      label: fc.constantFrom("x", "y", "z".repeat(70_000)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("remove" as const), name }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("rename" as const), name, to: name }) },
);
const transaction = fc.record({ ops: fc.array(op, { minLength: 1, maxLength: 5 }), fails: fc.boolean() });
/** Rounds of transactions that are queued together. The store is reopened after each round. */
const rounds = fc.array(fc.array(transaction, { minLength: 1, maxLength: 8 }), {
  minLength: 1,
  maxLength: 3,
});

interface Row {
  scale: number;
  label: string;
}

/** Applies the same operation to the store and to the model. Their refusals must agree. */
function step(tx: Tx, model: Map<string, Row>, op: Op): void {
  const current = tx.get("service", "default", op.name);
  const row = model.get(op.name);
  assert.equal(current !== undefined, row !== undefined);
  if (op.op === "remove") {
    if (!current) {
      return void assert.throws(() => tx.remove({ kind: "service", namespace: "default", name: op.name }));
    }
    tx.remove(current);
    model.delete(op.name);
  } else if (op.op === "rename") {
    if (!current) return;
    if (op.to !== op.name && model.has(op.to)) {
      return void assert.throws(() => tx.update(current, { name: op.to }), { code: "already_exists" });
    }
    tx.update(current, { name: op.to });
    model.delete(op.name);
    model.set(op.to, row!);
  } else if (current) {
    tx.update(current, { spec: service(op.name, op.scale).spec, labels: { label: op.label } });
    model.set(op.name, { scale: op.scale, label: op.label });
  } else {
    tx.create({ ...service(op.name, op.scale), labels: { label: op.label } });
    model.set(op.name, { scale: op.scale, label: op.label });
  }
}

const rows = (store: { list: Store["list"] }) =>
  store.list("service").map((s) => [s.name, s.spec.scale, s.labels.label]);
const rowsOf = (model: Map<string, Row>) =>
  [...model].sort(([a], [b]) => a < b ? -1 : 1).map(([name, { scale, label }]) => [name, scale, label]);

Deno.test("after any transactions the store equals a model, also when reopened, and the journal leads there", () =>
  fc.assert(
    fc.asyncProperty(rounds, (rounds) =>
      withDir(async (dataDir) => {
        let model = new Map<string, Row>();
        for (const transactions of rounds) {
          const store = await openStore({ dataDir });
          try {
            assert.deepEqual(rows(store), rowsOf(model));
            await Promise.allSettled(transactions.map(({ ops, fails }) =>
              store.transact((tx) => {
                const next = new Map(model);
                for (const op of ops) step(tx, next, op);
                assert.deepEqual(rows(tx), rowsOf(next));
                if (fails) throw new Error("given up");
                model = next;
              })
            )).then((results) => {
              for (const [n, result] of results.entries()) {
                assert.equal(result.status, transactions[n]!.fails ? "rejected" : "fulfilled");
                if (result.status === "rejected") assert.equal(result.reason.message, "given up");
              }
            });
            assert.deepEqual(rows(store), rowsOf(model));
            await assertJournalLeadsTo(store);
          } finally {
            await store.close();
          }
        }
      })),
    { numRuns: 40 },
  ));

/** Replays the whole journal from nothing, and compares generations and history on the way. */
async function assertJournalLeadsTo(store: Store): Promise<void> {
  const replayed = new Map<string, AnyResource>();
  const generations = new Map<string, number>();
  if (store.revision > 0) {
    for await (const change of store.watch({ since: 0, signal: new AbortController().signal })) {
      const { type, resource }: Change = change;
      if (type === "delete") {
        assert.deepEqual(replayed.get(resource.name)?.uid, resource.uid);
        replayed.delete(resource.name);
      } else {
        const last = generations.get(resource.uid) ?? 0;
        assert.ok(resource.generation === last || resource.generation === last + 1);
        assert.equal(resource.resourceVersion, change.revision);
        generations.set(resource.uid, resource.generation);
        replayed.set(resource.name, resource);
      }
      if (change.revision === store.revision && !change.more) break;
    }
  }
  assert.deepEqual(
    [...replayed.values()].sort((a, b) => a.name < b.name ? -1 : 1),
    store.list("service"),
  );
  for (const { name, generation, spec } of store.list("service")) {
    const history = await store.history("service", "default", name);
    assert.deepEqual(history[0], { generation, spec, at: history[0]!.at });
    assert.deepEqual(
      history.map((h) => h.generation),
      Array.from({ length: Math.min(10, generation) }, (_, n) => generation - n),
    );
  }
}
