/** Lists what Rune created at providers and no volume uses. @module */
import { orphansSchema } from "../../../model/orphans.ts";
import { findNode } from "../../../node/placement.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { findAccounts, isUsed, listAccounts, type Listed } from "../orphans.ts";

/** How long all providers together may take, in milliseconds. */
const LIST_MS = 60_000;

const sumGb = (volumes: Listed[]) => volumes.reduce((sum, { sizeGb }) => sum + sizeGb, 0);

/** A volume as the API shows it. */
function orphanBody({ driver, handle, name, region, sizeGb, attached, createdAt, createdFor }: Listed) {
  return {
    namespace: createdFor.namespace,
    name: createdFor.name,
    uid: createdFor.uid,
    ...{ driver, handle, providerName: name, region, sizeGb, attached },
    ...(createdAt !== undefined && { createdAt }),
  };
}

/** Volumes of other installations, which this one cannot judge, counted for each. */
function countOthers(volumes: Listed[]) {
  const others = Map.groupBy(volumes, ({ createdFor }) => createdFor.installation);
  return [...others].map(([installation, group]) => ({
    installation,
    volumes: group.length,
    sizeGb: sumGb(group),
  })).sort((a, b) => a.installation.localeCompare(b.installation));
}

/** The route. */
export function orphanRoutes(deps: ServerDeps): Endpoint[] {
  return [endpoint({
    method: "get",
    path: "/v1/volumes/orphans",
    tag: "volumes",
    summary: "List volumes at providers that Rune created and no volume uses; changes nothing",
    answers: { 200: { description: "What is still paid for", schema: orphansSchema } },
    async handle({ request }) {
      const { store, nodes, info: { installation } } = deps;
      const { drivers } = findNode({ nodes });
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(LIST_MS)]);
      const accounts = findAccounts(store, { drivers, signal });
      const { volumes, asked, skipped } = await listAccounts(accounts, signal);
      const rows = store.list("volume");
      const unused = volumes.filter((volume) => {
        const { handleParameter } = drivers.get(volume.driver)!.capabilities;
        return !isUsed(volume, { volumes: rows, handleParameter });
      });
      const [orphans, others] = [true, false].map((ours) =>
        unused.filter(({ createdFor }) => (createdFor.installation === installation) === ours)
      ) as [Listed[], Listed[]];
      const bodies = orphans.map(orphanBody).sort((a, b) =>
        `${a.namespace}/${a.name}`.localeCompare(`${b.namespace}/${b.name}`) ||
        a.handle.localeCompare(b.handle)
      );
      return Response.json({
        installation,
        items: bodies,
        totalGb: sumGb(orphans),
        otherInstallations: countOthers(others),
        asked: asked.sort(),
        skipped: skipped.sort((a, b) => a.source.localeCompare(b.source)),
      });
    },
  })];
}
