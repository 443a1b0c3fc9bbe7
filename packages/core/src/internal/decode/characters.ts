/** The characters that text in a response must not contain, the same in both formats. */

/**
 * The characters that XML 1.0 forbids in a document. JSON can contain them as escapes. They are refused there too: an
 * escape character controls a terminal, a NUL ends a string early, and a lone surrogate is half a character.
 */
// eslint-disable-next-line no-control-regex -- the pattern searches for these characters
export const forbiddenCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/u
