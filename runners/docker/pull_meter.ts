/** Measures the progress of a pull from the Engine's messages about each layer. @module */
import { z } from "zod";
import { formatBytes } from "../../model/format.ts";

/** One line of a pull's progress. */
export const layerSchema = z.object({
  id: z.string().optional(),
  status: z.string().optional(),
  progressDetail: z.object({ current: z.number().optional(), total: z.number().optional() }).optional(),
});

interface Layer {
  current: number;
  total: number;
}

/** Adds up the layers of one pull. */
export function createPullMeter(
  image: string,
): { take(line: z.infer<typeof layerSchema>): string | undefined } {
  const layers = new Map<string, Layer>();
  return {
    /** Takes a line. Returns the progress as text, if it is known and the line changes it. */
    take({ id, status, progressDetail }) {
      if (id === undefined) return undefined;
      const known = layers.get(id);
      if (status === "Downloading" && progressDetail?.total !== undefined) {
        layers.set(id, { current: progressDetail.current ?? 0, total: progressDetail.total });
      } else if (known && (status === "Download complete" || status === "Pull complete")) {
        known.current = known.total;
      } else return undefined;
      const all = [...layers.values()];
      const current = all.reduce((sum, layer) => sum + layer.current, 0);
      const total = all.reduce((sum, layer) => sum + layer.total, 0);
      return `pulling image ${image}: ${formatBytes(current)} of ${formatBytes(total)}`;
    },
  };
}
