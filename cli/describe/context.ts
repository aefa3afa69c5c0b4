/** What descriptions need besides the resource. @module */
import type { Paint } from "../terminal/paint.ts";
import type { CellContext } from "./columns.ts";

/** See the module comment. */
export interface DescribeContext extends CellContext {
  paint: Paint;
}
