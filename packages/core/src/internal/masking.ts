/** Makes what Exotel said fit to be quoted: no credential and nothing that looks like a phone number is left. */

const HIDDEN = "<redacted>"

/** Seven digits or more, however they are grouped; in any script's digits. */
const phoneLike = /\+?\p{Nd}(?:[\s().\-/]?\p{Nd}){6,}/gu
const sipUri = /\bsips?:\S+/gi
/** A token, a key, or the base64 of either; also a sid, which every error names in a field of its own. */
const longRun = /[A-Za-z0-9+/=_-]{20,}/g
const authorization = /\b(?:Basic|Bearer)\s+\S+/gi
const controlCharacters = /\p{C}+/gu

const LONGEST = 200

/** Every form in which a server may send the credentials back. */
export const secretForms = (apiKey: string, apiToken: string, basic: string): ReadonlyArray<string> =>
  [...new Set([basic, apiToken, apiKey].flatMap((secret) => [secret, encodeURIComponent(secret)]))]
    .filter((secret) => secret !== "")

export const mask = (text: string, secrets: ReadonlyArray<string>): string => {
  // Cut first: masking must not cost more than what is kept, and a secret that the cut would halve is hidden whole.
  let out = text.slice(0, 4 * LONGEST)
  for (const secret of secrets) out = out.replaceAll(secret, HIDDEN)
  out = out
    .replace(controlCharacters, " ")
    .replace(authorization, HIDDEN)
    .replace(sipUri, HIDDEN)
    .replace(longRun, HIDDEN)
    .replace(phoneLike, HIDDEN)
    .trim()
  return out.length > LONGEST ? `${out.slice(0, LONGEST - 1)}…` : out
}
