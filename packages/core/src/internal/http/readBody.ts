/** Reads the body of a response up to a limit. */
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { fromClientError, type RequestFailure, tooLarge } from "./requestFailure.ts"

const decoder = new TextDecoder("utf-8", { fatal: true })

/** Bytes that are not UTF-8 become a text that is neither JSON nor XML, which the decoder reports. */
const decodeUtf8 = (bytes: Uint8Array): string => {
  try {
    return decoder.decode(bytes)
  } catch {
    return "\ufffd"
  }
}

/** Reads the body as text. Fails with `TooLarge` as soon as it exceeds `maxBytes`. */
export const readBody = (
  response: HttpClientResponse.HttpClientResponse,
  maxBytes: number
): Effect.Effect<string, RequestFailure> => {
  const length = Number(response.headers["content-length"] ?? NaN)
  if (length > maxBytes) return Effect.fail(tooLarge(response.status))
  // An uncompressed body cannot exceed its declared length. Other bodies are read in chunks, which costs several times
  // as much.
  const bytes = length <= maxBytes && response.headers["content-encoding"] === undefined
    ? Effect.map(Effect.mapError(response.arrayBuffer, fromClientError), (buffer) => new Uint8Array(buffer))
    : readChunks(response, maxBytes)
  return Effect.flatMap(
    bytes,
    (bytes) => bytes.length > maxBytes ? Effect.fail(tooLarge(response.status)) : Effect.succeed(decodeUtf8(bytes))
  )
}

const readChunks = (
  response: HttpClientResponse.HttpClientResponse,
  maxBytes: number
): Effect.Effect<Uint8Array, RequestFailure> => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  return response.stream.pipe(
    // `fetch` provides no stream for a status without a body.
    Stream.catchAll((error) => error.reason === "EmptyBody" ? Stream.empty : Stream.fail(fromClientError(error))),
    Stream.runForEach((chunk) => {
      size += chunk.length
      chunks.push(chunk)
      return size > maxBytes ? Effect.fail(tooLarge(response.status)) : Effect.void
    }),
    Effect.map(() => concat(chunks, size))
  )
}

const concat = (chunks: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}
