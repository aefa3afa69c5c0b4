import { runnerConformance } from "../conformance.ts";
import { cannotRun, openRoom } from "./test_room.ts";

runnerConformance({ name: "process", ignore: cannotRun, make: () => openRoom() });
