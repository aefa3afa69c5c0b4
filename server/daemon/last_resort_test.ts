import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { getLogger } from "@logtape/logtape";
import { catchUnhandled, unhandledErrors } from "./last_resort.ts";
import { openNotifier } from "./notify.ts";
import { okJson, withServer } from "../api/server_fixture.ts";

Deno.test("catchUnhandled() keeps a program alive after uncaught errors, and logs each with its stack", async () => {
  const child = fileURLToPath(new URL("./last_resort_child.ts", import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", child],
    env: { NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, said);
  assert.match(said, /alive after 4/);
  for (const  of of["a promise", "a timer", "a microtask", "a listener"]) {
    assert.match(said, new RegExp(`Error: of ${of}[^]*last_resort_child\\.ts:\\d+`), of);
  }
});

Deno.test("catchUnhandled() counts all errors, and logs a few in a second, until it is stopped", () => {
  const source = new EventTarget();
  const end = catchUnhandled(getLogger("test"), source);
  const before = unhandledErrors();
  const fire = () => {
    const event = new Event("error", { cancelable: true });
    source.dispatchEvent(event);
    return event.defaultPrevented;
  };
  for (let i = 0; i < 1_000; i++) assert.equal(fire(), true);
  assert.equal(unhandledErrors() - before, 1_000);
  end();
  assert.equal(fire(), false);
});

Deno.test("/healthz answers 503 when a part of the daemon has died, and names it", () =>
  withServer(async ({ send, deps }) => {
    await okJson(send("GET", "/healthz"));
    deps.listDead = () => ["the rounds of the controllers"];
    const answer = await send("GET", "/healthz");
    assert.equal(answer.status, 503);
    assert.match((await answer.json()).detail, /no longer running: the rounds/);
    deps.listDead = undefined;
    await okJson(send("GET", "/healthz"));
  }));

Deno.test("openNotifier() sends keep-alives only while the daemon is alive", async () => {
  const dataDir = await Deno.makeTempDir({ prefix: "rune-notify-" });
  const path = `${dataDir}/manager.sock`;
  const manager = Deno.listenDatagram({ transport: "unixpacket", path });
  let alive = true;
  let asked = 0;
  const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "20000" } as Record<string, string>;
  const notifier = openNotifier({
    env: (name) => env[name],
    dataDir,
    logger: getLogger("test"),
    isAlive: () => (asked++, Promise.resolve(alive)),
  });
  try {
    const next = async () => new TextDecoder().decode((await manager.receive())[0]);
    assert.equal(await next(), "WATCHDOG=1");
    alive = false;
    await notifier.send("MARK=1");
    // A keep-alive under way may still arrive, but none after the mark.
    while (await next() !== "MARK=1");
    const from = asked;
    while (asked < from + 3) await new Promise((resolve) => setTimeout(resolve, 5));
    await notifier.send("MARK=2");
    assert.equal(await next(), "MARK=2");
  } finally {
    notifier.close();
    manager.close();
    await Deno.remove(dataDir, { recursive: true });
  }
});
