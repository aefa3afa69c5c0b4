import assert from "node:assert/strict";
import type { Snapshot } from "../model/snapshot.ts";
import type { StorageClass } from "../model/storage_class.ts";
import type { Volume } from "../model/volume.ts";
import { describeSnapshotCall, readParameters } from "./volume_call.ts";

const LITERAL = { region: "nyc3", apiToken: "dop_v1_0" };
const REFERENCE = { region: "fra1", apiToken: "secret:api.shared.rune/token" };

const volumeOf = (parameters: Record<string, string>, driverParameters?: Record<string, string>) =>
  ({
    uid: "u",
    spec: { parameters },
    status: { handle: "h", ...(driverParameters && { driverParameters }) },
  }) as unknown as Volume;
const classOf = (parameters: Record<string, string>) => ({ spec: { parameters } }) as unknown as StorageClass;

Deno.test("readParameters() keeps what a volume was provisioned with, except for secrets, which are those of now", () => {
  assert.deepEqual(readParameters({ volume: volumeOf({}), class: classOf(REFERENCE) }), REFERENCE);
  assert.deepEqual(readParameters({ volume: volumeOf({}, LITERAL), class: classOf(REFERENCE) }), {
    region: "nyc3",
    apiToken: REFERENCE.apiToken,
  });
  const own = { apiToken: "secret:own/token" };
  assert.deepEqual(readParameters({ volume: volumeOf(own, LITERAL), class: classOf(REFERENCE) }), {
    region: "nyc3",
    ...own,
  });
  assert.deepEqual(readParameters({ volume: volumeOf({}, LITERAL), class: undefined }), LITERAL);
});

Deno.test("describeSnapshotCall() takes the secrets of the volume now, and those of the snapshot once it is gone", () => {
  const snapshot = {
    namespace: "default",
    spec: { source: { volume: "v" } },
    status: { driverParameters: LITERAL, origin: { uid: "u", size: "1Gi", accessMode: "ReadWriteOnce" } },
  } as unknown as Snapshot;
  const { signal } = new AbortController();
  const tokenOf = (volume?: Volume) => {
    const classed = volume && { volume, class: classOf(REFERENCE) };
    return describeSnapshotCall({ snapshot, volume: classed, class: undefined }, signal).parameters.apiToken;
  };
  assert.equal(tokenOf(volumeOf({}, LITERAL)), REFERENCE.apiToken);
  assert.equal(tokenOf({ ...volumeOf({}, LITERAL), uid: "another" }), LITERAL.apiToken);
  assert.equal(tokenOf(), LITERAL.apiToken);
});

Deno.test("describeSnapshotCall() takes the secrets of the class now if the volume is gone and had none of its own", () => {
  const tokenOf = (ownSecrets?: string[], driver = "do-volume") => {
    const snapshot = {
      namespace: "default",
      spec: { source: { volume: "v" } },
      status: {
        driver,
        driverParameters: LITERAL,
        origin: { uid: "u", size: "1Gi", accessMode: "ReadWriteOnce", ...(ownSecrets && { ownSecrets }) },
      },
    } as unknown as Snapshot;
    const storageClass = { spec: { driver: "do-volume", parameters: REFERENCE } } as unknown as StorageClass;
    const { signal } = new AbortController();
    return describeSnapshotCall({ snapshot, volume: undefined, class: storageClass }, signal).parameters;
  };
  assert.deepEqual(tokenOf(), { region: "nyc3", apiToken: REFERENCE.apiToken });
  assert.deepEqual(tokenOf(["apiToken"]), LITERAL);
  assert.deepEqual(tokenOf([], "another"), LITERAL);
});
