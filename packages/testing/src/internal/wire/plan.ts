/** The response to one request, step by step. The fake wire and the server execute the same plan. */
import * as Duration from "effect/Duration"
import type { Fault } from "../../FaultPlan.ts"
import type { WireFormat } from "../../WireFormat.ts"
import type { Format } from "./encode.ts"
import { encodeError } from "./encode.ts"

/** A whole answer, before anything happens to it. */
export interface WholeResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type Step =
  /** Infinite: nothing ever comes. */
  | { readonly _tag: "Wait"; readonly millis: number }
  | { readonly _tag: "Send"; readonly text: string }
  /** So many bytes of no meaning. */
  | { readonly _tag: "Fill"; readonly bytes: number }
  | { readonly _tag: "Break"; readonly how: "refused" | "reset" }

export interface ResponsePlan {
  /** Before the status line. */
  readonly before: ReadonlyArray<Step & { readonly _tag: "Wait" | "Break" }>
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: ReadonlyArray<Step>
}

export const contentTypes: { readonly [F in Format]: string } = {
  json: "application/json",
  xml: "application/xml"
}

export const intact = (response: WholeResponse): ResponsePlan => ({
  before: [],
  status: response.status,
  headers: response.headers,
  body: [{ _tag: "Send", text: response.body }]
})

/** Splits on characters, not bytes: a body is ASCII but for what a script puts into a name. */
const halves = (text: string, keep: number): readonly [string, string] => {
  const at = Math.min(text.length, Math.max(0, Math.floor(text.length * keep)))
  return [text.slice(0, at), text.slice(at)]
}

const inPieces = (text: string, bytes: number, millis: number): ReadonlyArray<Step> => {
  const steps: Array<Step> = []
  for (let at = 0; at < text.length; at += bytes) {
    steps.push({ _tag: "Wait", millis }, { _tag: "Send", text: text.slice(at, at + bytes) })
  }
  return steps
}

/** Puts the value where the field stands, or before the `Sid` when the field is not there. */
const malform = (body: string, field: string, value: string): string => {
  const name = field.replace(/[^A-Za-z0-9]/g, "")
  if (body.startsWith("{")) {
    const written = `"${name}":${JSON.stringify(value)}`
    const found = new RegExp(`"${name}":(?:"(?:[^"\\\\]|\\\\.)*"|[^,}\\]]+)`)
    return found.test(body)
      ? body.replace(found, () => written)
      : body.replace("\"Sid\":", () => `${written},"Sid":`)
  }
  const text = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
  const written = `<${name}>${text}</${name}>`
  const found = new RegExp(`<${name}/>|<${name}>[^<]*</${name}>`)
  return found.test(body) ? body.replace(found, () => written) : body.replace("<Sid>", () => `${written}<Sid>`)
}

const gatewayPage = (status: string): string =>
  `<!DOCTYPE html>\n<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>\n`

const statusResponse = (
  fault: Fault & { readonly kind: "status" },
  format: Format,
  wireFormat: WireFormat
): WholeResponse => ({
  status: fault.status,
  headers: {
    "content-type": fault.body === "html" ? "text/html" : contentTypes[format],
    ...(fault.retryAfter === undefined ? {} : { "retry-after": fault.retryAfter })
  },
  body: fault.body === "empty"
    ? ""
    : fault.body === "html"
    ? gatewayPage(String(fault.status))
    : encodeError(
      // The text of a 503 that was captured.
      fault.status === 503
        ? { status: 503, message: "Service Unavailable; ", code: 35008 }
        : { status: fault.status, message: "A planned fault", code: undefined },
      format,
      wireFormat
    )
})

const GARBAGE = "\u0000\u0001\ufffd%PDF-1.4 0xdeadbeef \u0007"

/** The response as it arrives under a fault. */
export const withFault = (
  response: WholeResponse,
  fault: Fault,
  format: Format,
  wireFormat: WireFormat
): ResponsePlan => {
  const whole = intact(response)
  switch (fault.kind) {
    case "status":
      return intact(statusResponse(fault, format, wireFormat))
    case "refused":
      return { ...whole, before: [{ _tag: "Break", how: "refused" }] }
    case "reset": {
      if (fault.at !== "body") return { ...whole, before: [{ _tag: "Break", how: "reset" }] }
      const [first] = halves(response.body, 0.5)
      return { ...whole, body: [{ _tag: "Send", text: first }, { _tag: "Break", how: "reset" }] }
    }
    case "stalled": {
      const wait = { _tag: "Wait", millis: Duration.toMillis(fault.duration ?? Duration.infinity) } as const
      if (fault.at !== "body") return { ...whole, before: [wait] }
      const [first, second] = halves(response.body, 0.5)
      return { ...whole, body: [{ _tag: "Send", text: first }, wait, { _tag: "Send", text: second }] }
    }
    case "slowBody":
      return {
        ...whole,
        body: inPieces(response.body, fault.bytes ?? 16, Duration.toMillis(fault.every ?? "1 second"))
      }
    case "truncated":
      return intact({ ...response, body: halves(response.body, fault.keep ?? 0.5)[0] })
    case "hugeBody":
      return { ...whole, status: 200, body: [{ _tag: "Fill", bytes: fault.bytes ?? 16 * 1024 * 1024 }] }
    case "body":
      return intact({ ...response, status: 200, body: fault.body })
    case "garbage":
      return intact({ ...response, status: 200, body: GARBAGE })
    case "html":
      return intact({ ...response, status: 200, body: gatewayPage("502 Bad Gateway") })
    case "contentType":
      return intact({ ...response, headers: { ...response.headers, "content-type": fault.contentType } })
    case "malformed":
      return intact({ ...response, body: malform(response.body, fault.field, fault.value) })
  }
}
