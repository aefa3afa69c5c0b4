/**
 * Which volumes are a service's: those that it claims by name, and those that its claim templates made.
 * @module
 */
import { mountsOfVolume } from "../../model/claim_names.ts";
import type { Service } from "../../model/service.ts";
import type { Volume } from "../../model/volume.ts";

/** Whether a service claims this volume by name (not by template). */
export function claims(service: Service, volume: Pick<Volume, "namespace" | "name">): boolean {
  return mountsOfVolume(service, volume).some(({ mount }) => mount.claim);
}

/** Whether a service's claim templates made this volume. */
export function owns(service: Service, volume: Pick<Volume, "namespace" | "status">): boolean {
  return volume.namespace === service.namespace && volume.status.ownerService === service.name;
}
