/** Explains which ports and addresses of the host the Engine could not use, and who uses them. @module */
import { findPortHolder } from "../../base/port_holder.ts";
import { RuneError } from "../../model/error.ts";

const TAKEN =
  /(?:listen |Bind for )(?:(tcp|udp)[46]? )?(\S+):(\d+)(?:: bind: address already in use| failed: port is already allocated)/;
const NO_ADDRESS = /(?:listen|bind).* (\S+):\d+: bind: cannot assign requested address/;

/** Explains an Engine message about a port of the host; undefined for other messages. */
export async function portError(sentence: string, cause: unknown): Promise<RuneError | undefined> {
  const [, absent] = NO_ADDRESS.exec(sentence) ?? [];
  if (absent !== undefined) {
    return new RuneError(
      "failed_precondition",
      `this machine has no address ${absent} to publish a port on`,
      {
        cause,
        permanent: false,
        hint: "correct expose.hostAddress (ip address lists those that there are)",
      },
    );
  }
  const [, protocol = "tcp", , port] = TAKEN.exec(sentence) ?? [];
  if (port === undefined) return undefined;
  const holder = await findPortHolder(Number(port), protocol === "udp" ? "udp" : "tcp");
  const by = holder ? `by pid ${holder.pid} (${holder.command})` : "by another program";
  return new RuneError("failed_precondition", `port ${port} of this machine is in use ${by}`, {
    cause,
    permanent: false,
    hint: holder?.command === "docker-proxy"
      ? `another container has it (docker ps --filter publish=${port}): stop that one, or choose another expose.hostPort`
      : `end that program, or choose another expose.hostPort; who has it: ss -lnp 'sport = :${port}'`,
  });
}
