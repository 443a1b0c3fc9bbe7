/** Decodes a body as the client does once a response has arrived. */
import { DateTime } from "effect"
import { parseBody } from "../../src/internal/decode/body.ts"
import { callFromResponse, makeRecordDecoder } from "../../src/internal/decode/callFromResponse.ts"
import { parseXml } from "../../src/internal/decode/xml.ts"

const decodeRecord = makeRecordDecoder(DateTime.zoneMakeOffset(5.5 * 60 * 60 * 1000))

export const read = (body: string, sid?: string) =>
  callFromResponse({ status: 200, retryAfter: undefined, body: parseBody(body, parseXml) }, {
    sid,
    secrets: [],
    decodeRecord
  })
