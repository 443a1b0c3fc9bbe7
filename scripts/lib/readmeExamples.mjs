// The install line and the first example of each README: the example runs in a project that the line made, against
// `exotel-fake`.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { transformSync } from "./esbuild.mjs"
import { attempt, fail } from "./project.mjs"

const layers = `
import { ExotelCalls } from "@effect-exotel/core"
import { NodeHttpClient } from "@effect/platform-node"
import { Layer } from "effect"
const Live = Layer.provideMerge(CallWatch.layer, ExotelCalls.layerConfig().pipe(Layer.provide(NodeHttpClient.layerUndici)))
`

/** How an example becomes a program that ends; the others read their settings from the environment as they are. */
const completions = {
  "packages/core/README.md": (code, url) =>
    `${
      code.replace("region: \"mumbai\"", `baseUrl: "${url}"`).replace("\"…\"", "\"key\"").replace("\"…\"", "\"token\"")
    }
    await Effect.runPromise(main)`,
  "packages/watch/README.md": (code) =>
    `${layers}${code}
    await Effect.runPromise(Effect.provide(program, Live))`,
  // Its consumer never ends.
  "packages/cluster/README.md": (code) =>
    code.replace(
      "Console.log(sid, event, facts.status)",
      "Effect.zipRight($&, Effect.sync(() => facts.status === \"completed\" && process.exit()))"
    )
}

/** The calls that the examples read: they have ended, and their records are complete. */
export const script = {
  accounts: [{ accountSid: "acme1m", apiKey: "key", apiToken: "token", region: "mumbai" }],
  calls: ["4kq0s7d2m9xv1c8h3j6n5b0r2t7w4y9z", "9z4y7w2t0r5b6n3j8h1c9xv0m2d7s4qk"].map((sid) => ({
    sid,
    script: { kind: "answered", ring: "1 second", talk: "1 second", settles: "1 second" }
  }))
}

export const prepareExamples = () =>
  ["README.md", ...readdirSync("packages").map((name) => `packages/${name}/README.md`)].map((readme) => {
    const text = readFileSync(readme, "utf8")
    const [line] = /^npm install .+$/m.exec(text) ?? fail(`${readme} has no line "npm install …".`)
    const blocks = [...text.matchAll(/^```ts\n(.+?)^```/gms)].map(([, code]) => code)
    const test = blocks.find((code) => code.includes("\"@effect/vitest\""))
    // The example of `cluster` uses the embedded database, which its README adds in a sentence.
    const also = [...text.matchAll(/add `(@effect\/[\w-]+@[\d.]+)`/g)].map(([, words]) => words)
    return { readme, line, also, code: test ?? blocks[0], isTest: test !== undefined }
  })

export const runExample = async ({ code, isTest, readme }, project, url) => {
  if (code === undefined) return
  const file = isTest ? "example.test.mjs" : "example.mjs"
  const completed = completions[readme]?.(code, url) ?? code
  writeFileSync(join(project, file), transformSync(completed, { loader: "ts", format: "esm", target: "es2022" }).code)
  const settings = {
    EXOTEL_API_KEY: "key",
    EXOTEL_API_TOKEN: "token",
    EXOTEL_ACCOUNT_SID: "acme1m",
    EXOTEL_BASE_URL: url
  }
  const args = isTest ? ["node_modules/vitest/vitest.mjs", "run"] : [file]
  const options = { cwd: project, env: { ...process.env, ...settings }, timeout: 60_000 }
  const { code: exitCode, stderr, stdout } = await attempt(process.execPath, args, options)
  if (exitCode !== 0 || !/completed|passed/.test(stdout)) fail(`The example of ${readme} fails:\n${stdout}${stderr}`)
  console.log(`${readme}: its example runs.`)
}
