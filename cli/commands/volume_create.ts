/** `rune volume create`: creates a volume from flags, like a castfile with one volume. @module */
import { type Command, Option } from "@commander-js/extra-typings";
import type { Volume } from "../../model/volume.ts";
import { collectionPath } from "../client/api.ts";
import { type Cli, formatExamples } from "../client/command.ts";
import { UsageError } from "../terminal/exit_codes.ts";
import { addVolumeFlags, workOnVolume } from "./volume_action.ts";

const ACCESS_MODES = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"] as const;

/** Collects `key=value` flags. */
function pair(flag: string): (text: string, known?: Record<string, string>) => Record<string, string> {
  return (text, known = {}) => {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`${flag}: expected key=value, found "${text}"`, `write ${flag} app=web`);
    return { ...known, [text.slice(0, at)]: text.slice(at + 1) };
  };
}

/** Parses `every=1h,keep=24` or `none`, as in a castfile. The daemon checks the fields. */
function snapshotPolicy(text: string): Record<string, string | number> | "none" {
  if (text === "none") return text;
  return Object.fromEntries(
    text.split(",").map((part) => {
      const [, key, value] = /^(\w+)=(.+)$/.exec(part.trim()) ?? [];
      if (key === undefined) {
        throw new UsageError(
          `--snapshot-policy: expected every=<duration>,keep=<count> or none, found "${text}"`,
          "write --snapshot-policy every=1h,keep=24",
        );
      }
      return [key, /^\d+$/.test(value!) ? Number(value) : value!];
    }),
  );
}

/** Defines the command. */
export function defineCreate(group: Command, cli: Cli): void {
  const create = group.command("create").description("create a volume").argument("<name>")
    .requiredOption("--size <size>", "10Gi, 500Mi, 1G; a bare integer is bytes")
    .addOption(
      new Option("--access <mode>", "who may mount it at once").choices(ACCESS_MODES).default(
        ACCESS_MODES[0],
      ),
    )
    .option("--storage-class <name>", "storage class (default: the default class)")
    .addOption(
      new Option(
        "--reclaim-policy <policy>",
        "what happens to its data on deletion (default: the class's policy)",
      )
        .choices(["retain", "delete"] as const),
    )
    .option(
      "--snapshot-policy <policy>",
      "automatic snapshots: every=1h,keep=24, or none (default: the class's policy)",
      snapshotPolicy,
    )
    .option("--parameter <key=value>", "a driver parameter; may be repeated", pair("--parameter"))
    .option("-l, --label <key=value>", "a label; may be repeated", pair("--label"));
  addVolumeFlags(create);
  create.addHelpText(
    "after",
    "\nFails if the volume exists; rune cast changes it. Waits until it is Available.\n" +
      formatExamples(
        "rune volume create web-data --size 5Gi",
        "rune volume create db --size 20Gi --snapshot-policy every=1h,keep=24",
        "rune volume create cache --size 0 --storage-class local-host --parameter hostPath=/mnt/rune/cache",
      ),
  );
  create.action((name, flags, command) => {
    const body = {
      name,
      size: flags.size,
      accessMode: flags.access,
      storageClassName: flags.storageClass,
      reclaimPolicy: flags.reclaimPolicy,
      snapshotPolicy: flags.snapshotPolicy,
      parameters: flags.parameter,
      labels: flags.label,
    };
    return workOnVolume({ cli, command, flags }, {
      what: "provisioning",
      ask: ({ client, namespace }) =>
        client.request<Volume>("POST", collectionPath("volume", namespace), { body }),
      accepted: "created",
      done: "created",
    });
  });
}
