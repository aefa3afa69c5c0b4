import assert from "node:assert/strict";
import { serviceBody } from "./service.ts";
import { templateOf } from "./instance.ts";
import { parseSignal, stopSignalSchema } from "./stop_signal.ts";

Deno.test("each of Docker's spellings of a signal becomes the same one", () => {
  const spellings: [string, string[]][] = [
    ["SIGTERM", ["SIGTERM", "TERM", "term", "SigTerm", "15"]],
    ["SIGINT", ["INT", "2", "sigint"]],
    ["SIGQUIT", ["QUIT", "3"]],
    ["SIGUSR1", ["usr1", "10"]],
    ["SIGWINCH", ["WINCH", "28"]],
    ["SIGABRT", ["IOT", "SIGABRT", "6"]],
    ["SIGKILL", ["KILL", "9"]],
    ["SIGRTMIN+3", ["RTMIN+3", "SIGRTMIN+3", "37", "RTMAX-27"]],
    ["SIGRTMIN", ["rtmin", "34"]],
  ];
  for (const [signal, texts] of spellings) {
    for (const text of texts) assert.equal(stopSignalSchema.parse(text), signal, text);
    assert.equal(parseSignal(signal), signal);
  }
});

Deno.test("an unknown signal, or one that does not end a process, is refused with what to write", () => {
  for (
    const text of ["SIGFOO", "0", "", "32", "33", "65", "-9", "RTMIN+31", "RTMIN-1", "SIGSIGTERM", "1.5"]
  ) {
    const { error } = stopSignalSchema.safeParse(text);
    assert.match(error?.issues[0]?.message ?? "", /expected a signal such as SIGTERM.*found/, text);
  }
  for (const text of ["STOP", "SIGTSTP", "18"]) {
    const { error } = stopSignalSchema.safeParse(text);
    assert.match(error?.issues[0]?.message ?? "", /^SIG\w+ does not end a process; write SIGTERM/, text);
  }
});

Deno.test("stopSignal is not part of the template; a process gets only named signals", () => {
  const container = { name: "a", image: "x", stopSignal: "quit", stopTimeout: "30d" };
  const { name: _, namespace: _n, labels: _l, ...spec } = serviceBody.parse(container);
  assert.equal(spec.stopSignal, "SIGQUIT");
  const { stopSignal: _s, ...without } = spec;
  assert.deepEqual(templateOf(spec), templateOf(without));
  serviceBody.parse({ ...container, stopSignal: "RTMIN+3" });
  const process = { name: "a", process: { command: "x" } };
  serviceBody.parse({ ...process, stopSignal: "USR2" });
  const { error } = serviceBody.safeParse({ ...process, stopSignal: "RTMIN+3" });
  assert.match(error?.issues[0]?.message ?? "", /SIGRTMIN\+3 can be sent to containers only/);
});
