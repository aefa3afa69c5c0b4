/** Lists what Rune created at providers and no volume uses. @module */
import { orphansSchema } from "../../../model/orphans.ts";
import { findNode } from "../../../node/placement.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { findAccounts } from "../orphans/accounts.ts";
import { listAccounts, type Listed, shareListing } from "../orphans/listing.ts";
import { readUses } from "../orphans/use.ts";

/** How long all providers together may take, in milliseconds. */
const LIST_MS = 60_000;

const sumGb = (volumes: Listed[]) => volumes.reduce((sum, { sizeGb }) => sum + sizeGb, 0);

/** A volume as the API shows it. */
function orphanBody(
  { driver, handle, name, region, sizeGb, attached, createdAt, createdFor, source, accountOf }: Listed,
) {
  return {
    namespace: createdFor.namespace,
    name: createdFor.name,
    uid: createdFor.uid,
    ...{ driver, handle, providerName: name, region, sizeGb, attached },
    ...(createdAt !== undefined && { createdAt }),
    ...{ source, accountOf },
  };
}

/** Volumes of other installations, which this one cannot judge, counted for each. */
function countOthers(volumes: Listed[]) {
  const others = Map.groupBy(
    volumes,
    ({ accountOf, createdFor: { installation } }) => JSON.stringify([accountOf, installation]),
  );
  return [...others.values()].map((group) => ({
    installation: group[0]!.createdFor.installation,
    accountOf: group[0]!.accountOf,
    volumes: group.length,
    sizeGb: sumGb(group),
  })).sort((a, b) => a.accountOf.localeCompare(b.accountOf) || a.installation.localeCompare(b.installation));
}

/** The route. */
export function orphanRoutes(deps: ServerDeps): Endpoint[] {
  const { store, nodes, shutdown, info: { installation } } = deps;
  const find = () => findAccounts(store, findNode({ nodes }).drivers);
  const listAll = async () => {
    const listing = await listAccounts(find(), AbortSignal.any([shutdown, AbortSignal.timeout(LIST_MS)]));
    return { ...listing, listedAt: new Date().toISOString() };
  };
  const listShared = shareListing(listAll);
  return [endpoint({
    method: "get",
    path: "/v1/volumes/orphans",
    tag: "volumes",
    summary: "List volumes at providers that Rune created and no volume uses; changes nothing",
    answers: { 200: { description: "What is still paid for", schema: orphansSchema } },
    async handle() {
      // Without accounts nobody is asked, so that the list with the first one need not wait.
      const { volumes, asked, skipped, listedAt } = await (find().length > 0 ? listShared() : listAll());
      const isUsed = readUses(store, findNode({ nodes }).drivers);
      const [orphans, others] = [true, false].map((ours) =>
        volumes.filter((volume) =>
          (volume.createdFor.installation === installation) === ours && !isUsed(volume)
        )
      ) as [Listed[], Listed[]];
      const [ofClasses, ofVolumes] = (["storageClass", "volume"] as const).map((kind) =>
        orphans.filter(({ accountOf }) => accountOf === kind)
      ) as [Listed[], Listed[]];
      const items = orphans.map(orphanBody).sort((a, b) =>
        a.accountOf.localeCompare(b.accountOf) ||
        `${a.namespace}/${a.name}`.localeCompare(`${b.namespace}/${b.name}`) ||
        a.handle.localeCompare(b.handle)
      );
      return Response.json({
        installation,
        listedAt,
        items,
        totalGb: sumGb(ofClasses),
        volumeAccountsGb: sumGb(ofVolumes),
        otherInstallations: countOthers(others),
        asked: asked.toSorted(),
        skipped: skipped.toSorted((a, b) => a.source.localeCompare(b.source)),
      });
    },
  })];
}
