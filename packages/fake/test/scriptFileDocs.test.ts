/** The help and the README name every field of a script file, and every word that a field accepts. */
import { assert, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import * as Schema from "effect/Schema"
import type * as AST from "effect/SchemaAST"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { scriptFile } from "../src/help.ts"
import { File } from "../src/scriptFile.ts"

const readme = readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8")

/** The names of fields and the words of literals, at any depth. */
const words = (ast: AST.AST, found = new Set<string>(), visited = new Set<AST.AST>()): ReadonlySet<string> => {
  if (visited.has(ast)) return found
  visited.add(ast)
  if (ast._tag === "TypeLiteral") {
    for (const { name, type } of ast.propertySignatures) {
      found.add(String(name))
      words(type, found, visited)
    }
  } else if (ast._tag === "TupleType") {
    for (const { type } of [...ast.elements, ...ast.rest]) words(type, found, visited)
  } else if (ast._tag === "Union") { for (const type of ast.types) words(type, found, visited) }
  else if (ast._tag === "Refinement") words(ast.from, found, visited)
  else if (ast._tag === "Suspend") words(ast.f(), found, visited)
  else if (ast._tag === "Literal" && ast.literal !== null) found.add(String(ast.literal))
  return found
}

const fields = words(Schema.encodedSchema(File).ast)
const isNamed = (text: string, word: string) => new RegExp(`(?<![\\w-])${word}(?![\\w-])`).test(text)

it("finds fields and words at any depth of the schema", () => {
  for (const word of ["accounts", "ring", "settles", "customField", "self-closing", "probability", "hugeBody"]) {
    assert.isTrue(fields.has(word), word)
  }
})

it("are named in the README or in --help", () => {
  const missing = [...fields].filter((word) => !isNamed(readme, word) && !isNamed(scriptFile, word))
  deepStrictEqual(missing, [])
})
