/**
 * The volumes of a service: those it claims by name, and those created from its claim templates.
 * @module
 */
import { mountsOfVolume } from "../../model/claim_names.ts";
import type { Service } from "../../model/service.ts";
import type { Volume } from "../../model/volume.ts";

/** Whether a service claims this volume by name (not by template). */
export function claims(service: Service, volume: Pick<Volume, "namespace" | "name">): boolean {
  return mountsOfVolume(service, volume).some(({ mount }) => mount.claim);
}

/** Whether this volume was created from a service's claim template. */
export function owns(service: Service, volume: Pick<Volume, "namespace" | "status">): boolean {
  return volume.namespace === service.namespace && volume.status.ownerService === service.name;
}
