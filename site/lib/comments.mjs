// The comment at the beginning of a source file.

/** Its text, without tags. */
export const headComment = (source) =>
  (/^\/\*\*([\s\S]*?)\*\//.exec(source)?.[1] ?? "").replaceAll(/^\s*\* ?/gm, "").replaceAll(/^@.*$/gm, "").trim()

export const firstSentence = (comment) => comment.split(/\n\n|(?<=[.:])\s/)[0].replaceAll("\n", " ")
