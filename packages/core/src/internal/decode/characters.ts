/** Which characters a text of Exotel's may hold, the same in both formats. */

/**
 * What XML 1.0 forbids in a document. JSON could smuggle them in as escapes, and they have no business in a name or a
 * number either: an escape character rewrites a terminal, a NUL cuts a string short. A lone surrogate is half a character.
 */
// eslint-disable-next-line no-control-regex -- these are the characters that are looked for
export const forbiddenCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/u
