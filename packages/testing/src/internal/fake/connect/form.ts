/**
 * Reads the form of a POST: urlencoded or multipart, as clients of Exotel send it. The parser of `Response` returns a
 * promise, for which a test on virtual time cannot wait.
 */

/** A request body. A form that was never encoded is given as its entries. */
export interface Body {
  readonly contentType: string
  readonly content: string | ReadonlyArray<readonly [name: string, value: string]>
}

export type Fields = ReadonlyArray<readonly [name: string, value: string]>

const multipart = (contentType: string, text: string): Fields | undefined => {
  const match = /boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType)
  if (match === null) return undefined
  const delimiter = `\r\n--${match[1] ?? match[2]}`
  const [, ...parts] = `\r\n${text}`.split(delimiter)
  if (parts.pop()?.startsWith("--") !== true) return undefined
  return parts.flatMap((part) => {
    const headEnd = part.indexOf("\r\n\r\n")
    const name = /^content-disposition:.*[; ]name="([^"]*)"/im.exec(part.slice(0, headEnd))?.[1]
    return headEnd === -1 || name === undefined ? [] : [[name, part.slice(headEnd + 4)] as const]
  })
}

/** The fields in the order in which they were sent; undefined for a body that is no form. */
export const readForm = ({ content, contentType }: Body): Fields | undefined => {
  if (typeof content !== "string") return content
  if (/^multipart\/form-data\b/i.test(contentType)) return multipart(contentType, content)
  // Some clients send a form without naming its type.
  return contentType === "" || /^application\/x-www-form-urlencoded\b/i.test(contentType)
    ? [...new URLSearchParams(content)]
    : undefined
}
