/** The parts of a node that handle its volumes. Only a type. @module */
import type { DirectoryHolds } from "../../drivers/directory_hold.ts";
import type { RunnerName } from "../../model/instance.ts";
import type { Runner } from "../../runners/runner.ts";
import type { LocalDriver } from "../node_driver.ts";
import type { HostView } from "./host_view.ts";
import type { MountTable } from "./mount_table.ts";
import type { Stage } from "./stage.ts";

/** See the module comment. */
export interface VolumeParts {
  drivers: ReadonlyMap<string, LocalDriver>;
  runners: ReadonlyMap<RunnerName, Runner>;
  stage: Stage;
  holds: Pick<DirectoryHolds, "take" | "release" | "list">;
  table: MountTable;
  host: HostView;
}
