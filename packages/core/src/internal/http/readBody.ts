/** Reads the body of a response up to a limit. */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

const decoder = new TextDecoder("utf-8", { fatal: true })

/** Bytes that are not UTF-8 become a text that is neither JSON nor XML, which the decoder reports. */
const decodeUtf8 = (bytes: Uint8Array): string => {
  try {
    return decoder.decode(bytes)
  } catch {
    return "\ufffd"
  }
}

/** Reads the body as text. As soon as it exceeds `maxBytes`, returns undefined and leaves the rest to the end of the scope. */
export const readBody = (
  response: HttpClientResponse.HttpClientResponse,
  headers: HttpClientResponse.HttpClientResponse["headers"],
  maxBytes: number
): Effect.Effect<string | undefined, HttpClientError.ResponseError, Scope.Scope> => {
  const length = Number(headers["content-length"] ?? NaN)
  if (length > maxBytes) return Effect.succeed(undefined)
  // An uncompressed body cannot exceed its declared length. Other bodies are read in chunks, which costs more.
  return length <= maxBytes && headers["content-encoding"] === undefined
    ? Effect.map(response.arrayBuffer, (buffer) => {
      const bytes = new Uint8Array(buffer)
      return bytes.length > maxBytes ? undefined : decodeUtf8(bytes)
    })
    : readChunks(response, maxBytes)
}

/** Pulls the chunks: running a `Stream` costs twice as much. */
const readChunks = (
  response: HttpClientResponse.HttpClientResponse,
  maxBytes: number
): Effect.Effect<string | undefined, HttpClientError.ResponseError, Scope.Scope> =>
  Effect.flatMap(Stream.toPull(response.stream), (pull) => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    const read: Effect.Effect<string | undefined, HttpClientError.ResponseError> = Effect.matchEffect(pull, {
      onSuccess: (pulled) => {
        for (const chunk of pulled) {
          size += chunk.length
          chunks.push(chunk)
        }
        return size > maxBytes ? Effect.succeed(undefined) : read
      },
      // `fetch` provides no stream for a status without a body.
      onFailure: (end) =>
        Option.isNone(end) || end.value.reason === "EmptyBody"
          ? Effect.succeed(decodeUtf8(concat(chunks, size)))
          : Effect.fail(end.value)
    })
    return read
  })

const concat = (chunks: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const [only] = chunks
  if (only !== undefined && chunks.length === 1) return only
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}
