/** Describes what images on this host declare, for users who are about to run them. @module */
import { imageListSchema, type ImageReport, imageRequestSchema } from "../../../model/api.ts";
import { findNode } from "../../../node/placement.ts";
import { RuneError } from "../../../model/error.ts";
import type { ServerDeps } from "../deps.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";

/** How long the Engine may take for all images. */
const LOOK_MS = 30_000;

/** `/v1/images/describe`, which contacts no registry. */
export function imageRoutes(deps: ServerDeps): Endpoint[] {
  return [
    endpoint({
      method: "post",
      path: "/v1/images/describe",
      tag: "services",
      summary: "Describe what images on this host declare",
      body: imageRequestSchema,
      answers: { 200: { description: "One item for each image, in order", schema: imageListSchema } },
      async handle({ body: { images } }) {
        const describe = findNode(deps).runners.get("docker")?.describeImage;
        if (!describe) {
          throw new RuneError("failed_precondition", "this daemon has no Docker Engine", {
            hint: "leave out --images",
          });
        }
        const signal = AbortSignal.timeout(LOOK_MS);
        const look = async (image: string): Promise<ImageReport> => {
          try {
            const { volumes, healthcheck } = await describe(image, signal);
            return { image, here: true, volumes, healthcheck: healthcheck !== undefined };
          } catch (error) {
            const absent = error instanceof RuneError &&
              ["not_found", "invalid_argument"].includes(error.code);
            if (!absent) throw error;
            return { image, here: false, volumes: [], healthcheck: false };
          }
        };
        return Response.json({ items: await Promise.all(images.map(look)) });
      },
    }),
  ];
}
