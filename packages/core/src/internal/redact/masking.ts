/** Masks credentials, phone numbers and addresses in a message of Exotel, so that an error can quote it. */

const HIDDEN = "<redacted>"

/** Seven digits or more, in any script and grouping, with no letter between them. */
const phoneLike = /[+(]{0,2}\p{Nd}(?:[^\p{L}\p{Nd}]{0,3}\p{Nd}){6,}/gu
const mailAddress = /\S+@\S+/g
const sipUri = /\bsips?:\S+/gi
/** A token, a key, or the base64 of either; also a sid, which every error has in its own field. */
const longRun = /[A-Za-z0-9+/=_-]{20,}/g
const authorization = /\b(?:Basic|Bearer)\s+\S+/gi
const controlCharacters = /\p{C}+/gu

const MAX_LENGTH = 200

/** The length that is masked; the rest of a long message is ignored. */
const WINDOW = 4 * MAX_LENGTH

/** The length of the longest piece of a number or a token that the patterns do not recognise. */
const MAX_PIECE = 32

/** Every form in which a server may return the credentials. */
export const secretForms = (apiKey: string, apiToken: string, basic: string): ReadonlyArray<string> =>
  [...new Set([basic, apiToken, apiKey].flatMap((secret) => [secret, encodeURIComponent(secret)]))]
    .filter((secret) => secret !== "")

export const mask = (text: string, secrets: ReadonlyArray<string>): string => {
  let out = text.slice(0, WINDOW)
  for (const secret of secrets) out = out.replaceAll(secret, HIDDEN)
  out = out
    .replace(controlCharacters, " ")
    .replace(authorization, HIDDEN)
    .replace(sipUri, HIDDEN)
    .replace(mailAddress, HIDDEN)
    .replace(longRun, HIDDEN)
    .replace(phoneLike, HIDDEN)
    .trim()
  // A secret that the end of the window splits is not recognised.
  if (text.length > WINDOW) out = out.slice(0, -Math.max(MAX_PIECE, ...secrets.map((secret) => secret.length)))
  const characters = Array.from(out)
  return characters.length > MAX_LENGTH ? `${characters.slice(0, MAX_LENGTH - 1).join("")}…` : out
}
