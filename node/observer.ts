/** Who hears of what a node has done, to count it. Types alone. @module */
/** A finished call of a driver or runner. */
export interface FinishedCall {
  /** Name of the driver or runner. */
  of: string;
  call: string;
  /** `ok`, or the code of its error. */
  result: string;
  seconds: number;
}

/** One of the checks of an instance. */
export type CheckName = "startup" | "liveness" | "readiness";

/** A probe's answer, as it counts. */
export interface CountedAnswer {
  namespace: string;
  service: string;
  probe: CheckName;
  result: "success" | "failure" | "timeout";
  seconds: number;
}

/** Told of every answer that counts. */
export interface ProbeObserver {
  countAnswer(answer: CountedAnswer): void;
}

/** See the module comment. */
export interface NodeObserver {
  driverCall(call: FinishedCall): void;
  runnerCall(call: FinishedCall): void;
  probes: ProbeObserver;
}
