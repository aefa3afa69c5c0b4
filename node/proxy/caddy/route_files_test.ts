/** Routes as files, and the answers of a real Caddy. @module */
import assert from "node:assert/strict";
import { fetchByName } from "../../../tests/by_name.ts";
import { noRoot } from "../../../tests/skips.ts";
import { caddyFiles } from "./config.ts";
import { listsOf, permitCertificate, PLACES, writeRoutes } from "./route_files.ts";
import { type Room, roomTest as test, signal } from "./test_room.ts";

const addresses = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `10.0.0.${from + i}:8080`);

Deno.test("listsOf() gives few addresses equal numbers of places, and each of many addresses a place", () => {
  assert.equal(listsOf([]).size, 0);
  for (const n of [1, 2, 3, 4, 6, 12]) {
    const [[tag, list]] = [...listsOf(addresses(n))] as [[string, string[]]];
    assert.equal(tag, "all");
    const shares = [...Map.groupBy(list, (a) => a).values()].map((places) => places.length);
    assert.deepEqual(shares, Array(n).fill(PLACES / n));
    if (n > 1) assert.ok(list.every((a, i) => a !== list[(i + 1) % PLACES]), "a second try goes elsewhere");
  }
  for (const n of [13, 100, 1000]) {
    const lists = listsOf(Array.from({ length: n }, (_, i) => `10.0.${i >> 8}.${i & 255}:80`));
    assert.equal(lists.size, 256);
    const places = Map.groupBy([...lists.values()].flat(), (a) => a);
    assert.equal(places.size, n);
    const counts = [...places.values()].map((p) => p.length);
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
  }
});

async function paths(dir: string, below = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${dir}/${below}`)) {
    found.push(
      ...isDirectory ? [`${below}${name}/`, ...await paths(dir, `${below}${name}/`)] : [below + name],
    );
  }
  return found.sort();
}

Deno.test("writeRoutes() writes only changes, and leaves nothing of old routes", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rune-routes-" });
  const isOnward = (host: string) => host.endsWith(".com");
  const write = (...routes: [host: string, upstreams: string[]][]) =>
    writeRoutes(dir, routes.map(([host, upstreams]) => ({ host, upstreams })), { isOnward });
  try {
    await write(["a.local", ["1.2.3.4:5"]], ["b.com", []]);
    const list = Array(PLACES).fill("1.2.3.4:5").join(",");
    const first = ["a.local/", `a.local/all,99999998,${list}`, "a.local/certify", "b.com/", "b.com/https"];
    assert.deepEqual(await paths(dir), first);
    await write(["a.local", ["1.2.3.4:5"]], ["b.com", []]);
    assert.deepEqual(await paths(dir), first);
    await Deno.mkdir(`${dir}/.left-by-a-killed-daemon/x`, { recursive: true });
    await write(["a.local", ["1.2.3.4:6"]]);
    assert.deepEqual(await paths(dir), [
      "a.local/",
      `a.local/all,99999997,${list.replaceAll(":5", ":6")}`,
      "a.local/certify",
    ]);
    await write(["a.local", []]);
    assert.deepEqual(await paths(dir), ["a.local/", "a.local/certify"]);
    await permitCertificate(dir, { host: "gone.com", permitted: true });
    await permitCertificate(dir, { host: "gone.com", permitted: false });
    assert.deepEqual(await paths(dir), ["a.local/", "a.local/certify"]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test({
  name: "writeRoutes() removes an instance from a route even on a full disk",
  ignore: noRoot,
  async fn() {
    const dir = await Deno.makeTempDir({ prefix: "rune-routes-" });
    const run = async (command: string, ...args: string[]) =>
      assert.ok((await new Deno.Command(command, { args }).output()).success, command);
    await run("mount", "-t", "tmpfs", "-o", "nr_inodes=12", "tmpfs", dir);
    try {
      const write = (upstreams: string[]) =>
        writeRoutes(`${dir}/routes`, [{ host: "a.local", upstreams }], { isOnward: () => false });
      await write(addresses(3));
      const fill = async () => {
        for (let i = 0; i < 20; i++) await Deno.mkdir(`${dir}/fill-${i}`);
      };
      await assert.rejects(fill(), /No space left/);
      await write(addresses(2, 2));
      const [list] = (await paths(`${dir}/routes`)).filter((path) => path.includes("/all,"));
      assert.ok(list!.includes("10.0.0.3:8080") && !list!.includes("10.0.0.0:8080"), list);
      await write([]);
      assert.deepEqual(await paths(`${dir}/routes`), ["a.local/", "a.local/certify"]);
    } finally {
      await run("umount", dir);
      await Deno.remove(dir);
    }
  },
});

/** Servers that answer with their names, on addresses of this machine. */
function servers(hostnames: string[]) {
  const all = hostnames.map((hostname, i) =>
    Deno.serve({ hostname, port: 0, onListen: () => {} }, () => new Response(String(i)))
  );
  return {
    upstreams: all.map(({ addr }) =>
      `${addr.hostname.includes(":") ? `[${addr.hostname}]` : addr.hostname}:${addr.port}`
    ),
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((server) => server.shutdown()));
    },
  };
}

const ask = (room: Room, host: string) => fetchByName(room.serving.httpPort, host);

test("requests reach instances in turn, by a name in upper or lower case, and nothing by an invalid name", async (room) => {
  await using three = servers(["127.0.0.1", "127.0.0.1", "::1"]);
  const proxy = room.open();
  await proxy.apply(
    [{ host: "web.local", upstreams: three.upstreams }, { host: "none.local", upstreams: [] }],
    signal(),
  );
  for (const host of ["web.local", "WEB.Local"]) {
    const bodies = [];
    for (let i = 0; i < PLACES; i++) bodies.push((await ask(room, host)).body);
    assert.deepEqual(bodies.slice(0, 3).sort(), ["0", "1", "2"], host);
    assert.deepEqual(bodies.toSorted(), [..."000011112222"], host);
  }
  assert.equal((await ask(room, "none.local")).status, 503);
  for (const host of ["other.local", "web.loca", "*", "web.*", "127.0.0.1"]) {
    assert.equal((await ask(room, host)).status, 404, host);
  }
  for (const host of ["[w]eb.local", "{http.request.uuid}"]) {
    assert.ok([400, 404].includes((await ask(room, host)).status), host);
  }
  for (const host of ["..", "."]) assert.ok((await ask(room, host)).status >= 400, host);
});

test("more instances than a list has places are all reached, and so are long addresses", async (room) => {
  await using many = servers(Array(30).fill("127.0.0.1"));
  const proxy = room.open();
  await proxy.apply([{ host: "web.local", upstreams: many.upstreams }], signal());
  const seen = new Set<string>();
  for (let i = 0; i < 1000 && seen.size < 30; i++) seen.add((await ask(room, "web.local")).body);
  assert.equal(seen.size, 30);
  // A few, with the longest addresses beside them; unreachable ones are skipped.
  const long = Array.from({ length: 5 }, (_, i) => `[2001:0db8:ffff:ffff:ffff:ffff:ffff:fff${i}]:65535`);
  await proxy.apply([{ host: "web.local", upstreams: [many.upstreams[0]!, ...long] }], signal());
  assert.equal((await ask(room, "web.local")).body, "0");
  const lists = (await paths(caddyFiles(room.dir).routes)).filter((path) => path.includes("/all,"));
  assert.equal(lists.at(-1)!.split("/").length, 4, "the list takes three names");
});

test("a change of routes affects the next request, and causes no errors", async (room) => {
  await using three = servers(Array(3).fill("127.0.0.1"));
  const proxy = room.open();
  const apply = (upstreams: string[]) => proxy.apply([{ host: "web.local", upstreams }], signal());
  await apply(three.upstreams);
  let over = false;
  const bad: string[] = [];
  let requests = 0;
  const client = async () => {
    while (!over) {
      requests++;
      const { status, body } = await ask(room, "web.local");
      if (status !== 200) bad.push(`${status} ${body}`);
    }
  };
  const clients = [client(), client()];
  for (let i = 0; i < 40; i++) {
    const [one, two] = [three.upstreams[i % 3]!, three.upstreams[(i + 1) % 3]!];
    await apply([one, two]);
    await apply([two]);
    for (let n = 0; n < 3; n++) assert.equal((await ask(room, "web.local")).body, String((i + 1) % 3));
  }
  over = true;
  await Promise.all(clients);
  assert.deepEqual(bad, []);
  assert.ok(requests > 100, `only ${requests}`);
});
