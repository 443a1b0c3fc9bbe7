/** Requests to place a call, as any HTTP client sends them. */
import { FakeExotel } from "@effect-exotel/testing"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { Effect } from "effect"

export const twoNumbers = { From: "09876543210", To: "09123456789", CallerId: "08012345678" }

export const flow = {
  From: "09876543210",
  CallerId: "08012345678",
  Url: "http://my.exotel.com/acme1m/exoml/start_voice/926"
}

type Fields = Readonly<Record<string, string>>

interface Options {
  /** Default: `.json`. */
  readonly suffix?: ".json" | "" | ".json?details=true"
  /** Default: urlencoded, from the fields. */
  readonly body?: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest
}

export const post = (fields: Fields, { body, suffix = ".json" }: Options = {}) =>
  Effect.gen(function*() {
    const { baseUrl, options } = yield* FakeExotel.FakeExotel
    const request = HttpClientRequest.post(`${baseUrl}/v1/Accounts/${options.accountSid}/Calls/connect${suffix}`).pipe(
      HttpClientRequest.basicAuth(options.apiKey, options.apiToken),
      body ?? HttpClientRequest.bodyUrlParams(fields)
    )
    const response = yield* HttpClient.execute(request)
    return { status: response.status, headers: response.headers, text: yield* response.text }
  })

export const read = (sid: string) =>
  Effect.gen(function*() {
    const { baseUrl, options } = yield* FakeExotel.FakeExotel
    const request = HttpClientRequest.get(`${baseUrl}/v1/Accounts/${options.accountSid}/Calls/${sid}.json`)
    const response = yield* HttpClient.execute(
      HttpClientRequest.basicAuth(request, options.apiKey, options.apiToken)
    )
    return yield* response.text
  })

/** The value of a field of a JSON record, as it is written. */
export const fieldOf = (text: string, name: string): string | undefined =>
  new RegExp(`"${name}":("[^"]*"|[^,}]+)`).exec(text)?.[1]?.replace(/^"|"$/g, "")

export const sidOf = (text: string): string => fieldOf(text, "Sid") ?? "none"
