/** Reads a body without a wire: what the client does once an answer has arrived. */
import { DateTime } from "effect"
import { callFromResponse } from "../../src/internal/decode/response.ts"

export const read = (body: string, sid?: string) =>
  callFromResponse({ status: 200, retryAfter: undefined, body }, {
    sid,
    secrets: [],
    timeZone: DateTime.zoneMakeOffset(5.5 * 60 * 60 * 1000)
  })
