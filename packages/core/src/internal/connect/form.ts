/** Checks the request for a call and encodes it as the form that Exotel documents (outgoing-call page). */
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { AccountSid } from "../../AccountSid.ts"
import type { ConnectRequest } from "../../ConnectRequest.ts"
import { Flow, TwoNumbers } from "../../ConnectRequest.ts"
import { InvalidRequest } from "../../ExotelError.ts"

const refuse = (reason: string) => Either.left(new InvalidRequest({ reason }))

/** Instances are made without a check, so their fields are checked and not their class. */
const validators = {
  TwoNumbers: Schema.validateEither(Schema.Struct(TwoNumbers.fields), { onExcessProperty: "error" }),
  Flow: Schema.validateEither(Schema.Struct(Flow.fields), { onExcessProperty: "error" })
}

/** Names the field and the rule, never the value. */
const reasonFrom = ({ issue }: ParseResult.ParseError): string => {
  const [first] = ParseResult.ArrayFormatter.formatIssueSync(issue)
  const path = first?.path.map(String).join(".") ?? ""
  if (first?._tag === "Unexpected") return `${path} is not a field of this request`
  return `${path} ${first?.message ?? "is invalid"}`
}

/** The digits that two forms of one number share: `08012345678`, `+918012345678`. */
const national = (number: string): string => number.replace(/^(?:\+?91|0)(?=\d{10}$)/, "")

/** The forms that a record may have of an Indian number; others are as given. At most three of the five of a filter. */
export const numberForms = (number: string): ReadonlyArray<string> => {
  const digits = national(number)
  return digits === number && !/^\d{10}$/.test(number) ? [number] : Arr.dedupe([number, `0${digits}`, `+91${digits}`])
}

/** The request, if Exotel can be expected to accept it. */
export const check = (request: ConnectRequest): Either.Either<ConnectRequest, InvalidRequest> => {
  const validate = Object.hasOwn(validators, request._tag) ? validators[request._tag] : undefined
  if (validate === undefined) {
    return refuse("the request must be made by ConnectRequest.twoNumbers or ConnectRequest.flow")
  }
  const checked: Either.Either<unknown, ParseResult.ParseError> = validate(request)
  if (Either.isLeft(checked)) return refuse(reasonFrom(checked.left))
  return national(request.from) === national(request.callerId)
    ? refuse("from must be the party to call first, not the ExoPhone: that would call itself")
    : Either.right(request)
}

const seconds = (duration: Duration.Duration | undefined) => duration && String(Duration.toSeconds(duration))

/** The form of a checked request. */
export const encode = (request: ConnectRequest, account: AccountSid): URLSearchParams => {
  const { recording = false, statusCallback } = request
  const fields: ReadonlyArray<readonly [name: string, value: string | undefined]> = [
    ["From", request.from],
    ["CallerId", request.callerId],
    ["CallType", "trans"],
    ["TimeLimit", seconds(request.timeLimit)],
    ["TimeOut", seconds(request.ringTimeout)],
    // Exotel's pages disagree on the default.
    ["Record", String(recording !== false)],
    ["RecordingChannels", recording === false ? undefined : recording.channels ?? "single"],
    ["RecordingFormat", recording === false ? undefined : recording.format ?? "mp3"],
    ["CustomField", request.customField],
    ["StatusCallback", statusCallback && Redacted.value(statusCallback.url)],
    ...Arr.dedupe(statusCallback === undefined ? [] : statusCallback.events ?? ["terminal"]).map((event, i) =>
      [`StatusCallbackEvents[${i}]`, event] as const
    ),
    ...(request._tag === "Flow"
      ? [["Url", `http://my.exotel.com/${account}/exoml/start_voice/${request.appId}`] as const]
      : [
        ["To", request.to] as const,
        ["WaitUrl", request.waitUrl] as const,
        ["MaxRetries", request.maxRetries?.toString()] as const,
        ["StartPlaybackToNew", request.startPlayback && playbackTo[request.startPlayback.to ?? "callee"]] as const,
        ["StartPlaybackValueNew", request.startPlayback?.url] as const,
        ["StatusCallbackContentType", request.statusCallback?.contentType] as const
      ])
  ]
  return new URLSearchParams(
    fields.flatMap(([name, value]) => value === undefined ? [] : [[name, value]])
  )
}

/** Shorter values would mask parts of words. */
const MIN_MASKED = 4

/** The values of a form that must not be shown, also as a server may repeat them. */
export const personalValues = (form: URLSearchParams): ReadonlyArray<string> =>
  ["From", "To", "CallerId", "CustomField", "StatusCallback", "WaitUrl", "StartPlaybackValueNew"]
    .map((name) => form.get(name) ?? "")
    .filter((value) => value.length >= MIN_MASKED)
    .flatMap((value) => [value, encodeURIComponent(value)])

const playbackTo = { callee: "Callee", both: "Both" } as const
