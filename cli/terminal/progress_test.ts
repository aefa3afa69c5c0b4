import assert from "node:assert/strict";
import { createProgress } from "./progress.ts";
import { fakeTerminal } from "../terminal_fixture.ts";

Deno.test("createProgress() prints one line per change without a terminal", () => {
  const terminal = fakeTerminal();
  const progress = createProgress(terminal);
  progress.update("service a", "Pending");
  progress.update("service a", "Pending");
  progress.update("service a", "Running\nwell");
  progress.note("a note");
  progress.end();
  assert.equal(terminal.stderr(), "service a: Pending\nservice a: Running well\na note\n");
  assert.equal(terminal.stdout(), "");
});

Deno.test("createProgress() redraws its lines on a terminal, cut to its width", () => {
  const terminal = fakeTerminal({ size: { columns: 20, rows: 10 } });
  const progress = createProgress(terminal);
  progress.update("a", "Pending");
  progress.update("b", "something that is too long");
  assert.equal(
    terminal.stderr(),
    "\x1b[1G\x1b[Ja: Pending\n" + "\x1b[1A\x1b[1G\x1b[Ja: Pending\nb: something that …\n",
  );
});

Deno.test("createProgress() never draws more lines than the terminal has", () => {
  const terminal = fakeTerminal({ size: { columns: 80, rows: 4 } });
  const progress = createProgress(terminal);
  for (let i = 0; i < 10; i++) progress.update(`s${i}`, "Pending");
  const last = terminal.stderr().split("\x1b[J").at(-1)!;
  assert.equal(last, "s0: Pending\ns1: Pending\n");
});
