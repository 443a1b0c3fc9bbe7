// Checks that the repository has no machine path, no registry host, no address in the lockfile and no generated file, and that
// the tests which SECURITY.md names exist.
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { homedir } from "node:os"
import { files } from "./lib/files.mjs"

const run = (command, ...args) => execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
const literally = (text) => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "g")

const registry = new URL(run("npm", "config", "get", "registry").trim())
const isLoopback = /^(localhost|127\.|\[::1\])/.test(registry.hostname)

const forbidden = [
  { what: "a machine path", pattern: /(?<![\w.~}-])\/(?:builds|home|root|tmp|Users|work)\/\w/g },
  { what: "a machine path", pattern: literally(`${process.cwd()}/`) },
  { what: "a machine path", pattern: literally(`${homedir()}/`) },
  { what: "a registry's host", pattern: /\bregistry\.[\w-]+\.[a-z]{2,}/gi },
  ...(isLoopback ? [] : [{ what: "a registry's host", pattern: literally(registry.host) }])
]

const problems = new Set()
for (const path of files()) {
  const text = readFileSync(path, "utf8")
  if (text.includes("\0")) continue
  const lineOf = (index) => text.slice(0, index).split("\n").length
  for (const { pattern, what } of forbidden) {
    for (const { index } of text.matchAll(pattern)) problems.add(`${path}:${lineOf(index)}: ${what}`)
  }
  if (path.endsWith("pnpm-lock.yaml")) {
    for (const { index } of text.matchAll(/https?:\/\//g)) {
      problems.add(`${path}:${lineOf(index)}: an address; a lockfile of ours holds integrities only`)
    }
  }
}
for (const path of run("git", "ls-files", "--cached", "--ignored", "--exclude-standard").split("\n").filter(Boolean)) {
  problems.add(`${path}: tracked, but .gitignore says that it is generated`)
}

const named = [...readFileSync("SECURITY.md", "utf8").matchAll(/^- `(.+?)`: "(.+)"$/gm)]
for (const [, path, name] of named) {
  const isThere = existsSync(path) && readFileSync(path, "utf8").includes(name)
  if (!isThere) problems.add(`SECURITY.md: ${path} has no "${name}"; name the test that shows this defence`)
}
if (named.length === 0) problems.add("SECURITY.md: no test is named")

if (problems.size > 0) {
  console.error([...problems].join("\n"))
  process.exit(1)
}
console.log("No machine path, no registry host, no address in the lockfile, no generated file.")
console.log(`SECURITY.md names ${named.length} tests and checks, and each of them exists.`)
