/** Makes what Exotel said fit to be quoted: no credential, phone number or address is left. */

const HIDDEN = "<redacted>"

/** Seven digits or more with no letter between them, however they are grouped; in any script's digits. */
const phoneLike = /[+(]{0,2}\p{Nd}(?:[^\p{L}\p{Nd}]{0,3}\p{Nd}){6,}/gu
const mailAddress = /\S+@\S+/g
const sipUri = /\bsips?:\S+/gi
/** A token, a key, or the base64 of either; also a sid, which every error names in a field of its own. */
const longRun = /[A-Za-z0-9+/=_-]{20,}/g
const authorization = /\b(?:Basic|Bearer)\s+\S+/gi
const controlCharacters = /\p{C}+/gu

const LONGEST = 200

/** As much as is looked at: masking must not cost more than what is kept. */
const WINDOW = 4 * LONGEST

/** The longest piece of a number or a token that is too short to look like one. */
const LONGEST_PIECE = 32

/** Every form in which a server may send the credentials back. */
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
  // What the end of the window cut in two was not recognised.
  if (text.length > WINDOW) out = out.slice(0, -Math.max(LONGEST_PIECE, ...secrets.map((secret) => secret.length)))
  const characters = Array.from(out)
  return characters.length > LONGEST ? `${characters.slice(0, LONGEST - 1).join("")}…` : out
}
