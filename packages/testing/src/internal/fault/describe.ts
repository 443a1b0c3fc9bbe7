/** Descriptions of faults, for the journal and for reports. */
import * as Duration from "effect/Duration"
import type { Fault } from "./fault.ts"

/**
 * The name of a fault in the journal, such as `status 503`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const nameOf = (fault: Fault): string => {
  switch (fault.kind) {
    case "status":
      return `status ${fault.status}`
    case "refused":
      return "connection refused"
    case "reset":
      return fault.at === "body" ? "reset in the middle of the body" : "connection reset"
    case "stalled": {
      const where = fault.at === "body" ? " in the middle of the body" : ""
      return fault.duration !== undefined && Duration.isFinite(fault.duration)
        ? `stalled for ${Duration.format(fault.duration)}${where}`
        : `stalled${where}`
    }
    case "slowBody":
      return "slow body"
    case "truncated":
      return "truncated body"
    case "hugeBody":
      return "huge body"
    case "body":
      return "replaced body"
    case "garbage":
      return "garbage"
    case "html":
      return "web page"
    case "contentType":
      return `content type ${fault.contentType}`
    case "malformed":
      return `malformed ${fault.field}`
  }
}

/**
 * The description of a fault in reports: `status 503 on requests 2, 3 of call abc`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const describe = (fault: Fault): string => {
  const { between, forCall, onRequest, operation, probability } = fault
  const nth = onRequest === undefined ? "" : ` on request${onRequest.length === 1 ? "" : "s"} ${onRequest.join(", ")}`
  const of = forCall === undefined ? "" : `${nth === "" ? " for" : " of"} call ${forCall}`
  const kind = operation === undefined ? "" : ` of ${operation} requests`
  const window = between === undefined
    ? ""
    : ` between ${Duration.format(between[0])} and ${Duration.format(between[1])}`
  return `${nameOf(fault)}${kind}${nth}${of}${window}${
    probability === undefined ? "" : ` with probability ${probability}`
  }`
}
