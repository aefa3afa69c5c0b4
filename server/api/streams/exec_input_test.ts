import assert from "node:assert/strict";
import { ExecInput } from "./exec_input.ts";

/** A command that reads one chunk on each call. */
function slowCommand() {
  const taken: number[] = [];
  let next = Promise.withResolvers<void>();
  let closed = false;
  const sink = new WritableStream<Uint8Array>({
    async write(bytes) {
      await next.promise;
      next = Promise.withResolvers();
      taken.push(bytes.length);
    },
    close: () => void (closed = true),
  });
  return { sink, taken, take: () => next.resolve(), isClosed: () => closed };
}

const waitABit = () => new Promise((resolve) => setTimeout(resolve, 20));

Deno.test("ExecInput buffers no more than its window, before and while a command reads", async () => {
  const granted: number[] = [];
  const input = new ExecInput({ window: 10, onTaken: (bytes) => granted.push(bytes) });
  assert.equal(input.push(new Uint8Array(6)), true);
  assert.equal(input.push(new Uint8Array(5)), false);
  const command = slowCommand();
  input.connect(command.sink);
  await waitABit();
  assert.equal(input.push(new Uint8Array(5)), false, "what the command has not taken counts");
  assert.equal(input.push(new Uint8Array(4)), true);
  command.take();
  await waitABit();
  assert.deepEqual([granted, command.taken], [[6], [6]]);
  input.end();
  command.take();
  await waitABit();
  assert.deepEqual([granted, command.taken, command.isClosed()], [[6, 4], [6, 4], true]);
});

Deno.test("ExecInput joins small parts, so that each costs only its bytes", async () => {
  const input = new ExecInput({ window: 1000, onTaken() {} });
  for (let n = 0; n < 1000; n++) assert.equal(input.push(new Uint8Array([n % 256])), true);
  const chunks: Uint8Array[] = [];
  input.connect(new WritableStream({ write: (bytes) => void chunks.push(bytes) }));
  input.end();
  await waitABit();
  assert.deepEqual(chunks.map((c) => c.length), [1000]);
});

Deno.test("ExecInput drops input for a command that no longer reads", async () => {
  const input = new ExecInput({ window: 4, onTaken() {} });
  input.connect(
    new WritableStream({
      write() {
        throw new Error("broken pipe");
      },
    }),
  );
  assert.equal(input.push(new Uint8Array(4)), true);
  await waitABit();
  for (let n = 0; n < 3; n++) assert.equal(input.push(new Uint8Array(4)), true);
});
