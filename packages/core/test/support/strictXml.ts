/**
 * A second opinion on XML, written apart from the decoder and as strict as the standard: a tree of names and texts, or
 * undefined for what is not one well-formed document. It knows no DOCTYPE, comment or processing instruction.
 */
export type Tree = string | { readonly [name: string]: Tree | ReadonlyArray<Tree> }

const token =
  /<!\[CDATA\[([\s\S]*?)\]\]>|<\/([A-Za-z_:][\w:.-]*)[ \t\r\n]*>|<([A-Za-z_:][\w:.-]*)((?:[ \t\r\n]+[A-Za-z_:][\w:.-]*[ \t\r\n]*=[ \t\r\n]*(?:"[^"<]*"|'[^'<]*'))*)[ \t\r\n]*(\/?)>|([^<]+)/y

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: "\"", apos: "'" }

// eslint-disable-next-line no-control-regex -- what XML does not allow
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/

const unescape = (text: string): string | undefined => {
  let bad = text.includes("]]>")
  const out = text.replace(/&(?:#x([0-9a-fA-F]+)|#([0-9]+)|([a-z]+));|&/g, (whole, hex, decimal, name) => {
    const code = hex !== undefined ? Number.parseInt(hex, 16) : decimal !== undefined ? Number(decimal) : undefined
    const char = code === undefined
      ? (Object.hasOwn(entities, name) ? entities[name] : undefined)
      : code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
      ? String.fromCodePoint(code)
      : undefined
    bad ||= char === undefined || forbidden.test(char)
    return char ?? whole
  })
  return bad ? undefined : out
}

interface Open {
  readonly name: string
  readonly children: Record<string, Array<Tree>>
  text: string
}

const close = (open: Open): Tree => {
  const names = Object.keys(open.children)
  if (names.length === 0) return open.text
  const tree: Record<string, Tree | ReadonlyArray<Tree>> = Object.create(null)
  for (const name of names) {
    const list = open.children[name] ?? []
    tree[name] = list.length === 1 && list[0] !== undefined ? list[0] : list
  }
  if (open.text.trim() !== "") tree["#text"] = open.text
  return tree
}

export const strictXml = (document: string): Record<string, Tree> | undefined => {
  const body = document.replace(/^\s*<\?xml [^<>]*?\?>/, "").replaceAll("\r\n", "\n").replaceAll("\r", "\n").trim()
  if (forbidden.test(body)) return undefined
  const stack: Array<Open> = []
  const root: Open = { name: "", children: Object.create(null), text: "" }
  const top = () => stack.at(-1) ?? root
  const add = (name: string, tree: Tree) => {
    const { children } = top()
    children[name] = [...(children[name] ?? []), tree]
  }
  token.lastIndex = 0
  while (token.lastIndex < body.length) {
    const match = token.exec(body)
    if (match === null) return undefined
    const [, cdata, closing, opening, , selfClosing, text] = match
    if (cdata !== undefined) {
      if (stack.length === 0) return undefined
      top().text += cdata
    } else if (text !== undefined) {
      const plain = unescape(text)
      if (plain === undefined || (stack.length === 0 && plain.trim() !== "")) return undefined
      top().text += plain
    } else if (closing !== undefined) {
      const open = stack.pop()
      if (open === undefined || open.name !== closing) return undefined
      add(open.name, close(open))
    } else if (opening !== undefined) {
      if (selfClosing === "/") add(opening, "")
      else stack.push({ name: opening, children: Object.create(null), text: "" })
    }
  }
  const names = Object.keys(root.children)
  const [name] = names
  const only = name === undefined ? undefined : root.children[name]
  return stack.length > 0 || names.length !== 1 || name === undefined || only?.length !== 1 || only[0] === undefined
    ? undefined
    : { [name]: only[0] }
}
