/** Error responses of the fake, before and after they are encoded. */
import type { Format } from "../wire/encode.ts"
import { encodeError } from "../wire/encode.ts"
import type { WholeResponse } from "../wire/plan.ts"
import { contentTypes } from "../wire/plan.ts"
import type { FakeState } from "./state.ts"

/** Why the answer is an error. */
export interface Failure {
  readonly status: number
  /** The status that the body names, where it is another one. */
  readonly bodyStatus?: number
  readonly message: string
  readonly code?: number | string
  readonly retryAfterMillis?: number
  /** A `Retry-After` that is sent as it is. */
  readonly retryAfter?: string
  /** The problem that strict mode reports. */
  readonly unexpected?: () => string
}

const retryAfterOf = (state: FakeState, { retryAfter, retryAfterMillis }: Failure, now: number): string | undefined => {
  const form = state.settings.retryAfter
  if (retryAfter !== undefined || retryAfterMillis === undefined || form === "absent") return retryAfter
  return form === "seconds"
    ? String(Math.ceil(retryAfterMillis / 1000))
    : new Date(now + retryAfterMillis + 999).toUTCString()
}

export const failed = (state: FakeState, failure: Failure, format: Format, now: number): WholeResponse => {
  const { bodyStatus, code, message, status } = failure
  const retryAfter = retryAfterOf(state, failure, now)
  return {
    status,
    headers: {
      "content-type": contentTypes[format],
      ...(status === 401 ? { "www-authenticate": "Basic realm=\"Exotel API\"" } : {}),
      ...(retryAfter === undefined ? {} : { "retry-after": retryAfter })
    },
    body: encodeError({ status: bodyStatus ?? status, message, code }, format, state.settings.wireFormat)
  }
}
