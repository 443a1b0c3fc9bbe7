/** `exotel-fake` as a process: its messages, its exit, and other clients. */
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Deferred, Effect, Layer } from "effect"
import { spawn } from "node:child_process"
import { command, eventually, needs, run, type Running, serve, workspace, write } from "./support/command.ts"

class Served extends Context.Tag("Served")<Served, Running>() {}

const script = {
  accounts: [{ accountSid: "acme1m", apiKey: "the-key", apiToken: "the-token", region: "mumbai" }],
  calls: [
    {
      sid: "abc",
      from: "09876543210",
      script: { kind: "answered", ring: "1 second", talk: "1 second", settles: "1 second" }
    }
  ]
}

const python = `
import base64, json, sys, urllib.request, urllib.error, xml.etree.ElementTree as xml
base, auth = sys.argv[1], "Basic " + base64.b64encode(b"the-key:the-token").decode()
def get(path):
    return urllib.request.urlopen(urllib.request.Request(base + path, headers={"Authorization": auth})).read()
call = json.loads(get("/v1/Accounts/acme1m/Calls/abc.json?details=true"))["Call"]
tree = xml.fromstring(get("/v1/Accounts/acme1m/Calls/abc"))
page = json.loads(get("/v1/Accounts/acme1m/Calls.json?Sid=abc"))
try:
    get("/v1/Accounts/acme1m/Calls/unknown.json")
except urllib.error.HTTPError as error:
    print(call["Status"], call["Duration"], tree.find("Call/Status").text, page["Metadata"]["Total"], error.code)
`

describe("exotel-fake", () => {
  it.live("prints its help, with the form of a script file", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* run(process.execPath, [...command, "--help"])
      assert.strictEqual(code, 0)
      for (const word of ["USAGE", "--speed", "--seed", "--port", "--exit-with-parent", "script file", "Calls.json"]) {
        assert.include(stdout, word)
      }
    }), 60_000)

  for (
    const [what, file, problem] of [
      [
        "what is wrong with a script file",
        { calls: [{ sid: "a-b", script: { kind: "busy" } }] },
        "calls[0].sid: must be"
      ],
      ["a time zone that does not exist", { timeZone: "Nowhere" }, "timeZone"]
    ] as const
  ) {
    it.scopedLive(`reports ${what}, and fails`, () =>
      Effect.gen(function*() {
        const { code, stderr } = yield* run(process.execPath, [...command, "--port", "0", yield* write(file)])
        assert.strictEqual(code, 1)
        assert.include(stderr, problem)
      }), 60_000)
  }

  it.scopedLive("ends with the process that started it, if asked to", () =>
    Effect.gen(function*() {
      // A parent that starts the command and is killed.
      const arguments_ = JSON.stringify([...command, "--port", "0", "--exit-with-parent"])
      const parent = spawn(process.execPath, [
        "--eval",
        `require("node:child_process").spawn(process.execPath, ${arguments_}, { stdio: "inherit" }); setInterval(() => {}, 1000)`
      ], { cwd: workspace })
      yield* Effect.addFinalizer(() => Effect.sync(() => parent.kill("SIGKILL")))
      let output = ""
      parent.stdout.on("data", (data) => (output += String(data)))
      const closed = yield* Deferred.make<void>()
      // The pipe closes only when every process that holds it has ended.
      parent.stdout.once("close", () => Deferred.unsafeDone(closed, Effect.void))
      yield* eventually(Effect.sync(() => output), (text) => text.includes("listens on"))
      parent.kill("SIGKILL")
      yield* Deferred.await(closed)
      assert.include(output, "the process that started it has ended")
    }), 60_000)

  layer(Layer.scoped(Served, Effect.orDie(serve(script, "--speed", "1000"))), {
    excludeTestServices: true,
    timeout: 60_000
  })(
    "while it serves a script file a thousand times as fast as real time",
    (it) => {
      it.effect.runIf(needs("curl"))("answers curl", () =>
        Effect.gen(function*() {
          const { baseUrl } = yield* Served
          const curl = (path: string) =>
            run("curl", ["-s", "-u", "the-key:the-token", `${baseUrl}/v1/Accounts/acme1m${path}`])
          const body = Effect.map(curl("/Calls/abc.json"), ({ stdout }) => stdout)
          const status = yield* eventually(body, (text) => text.includes("\"Duration\":2"))
          assert.include(status, "\"Status\":\"completed\"")
          assert.include((yield* curl("/Calls/abc?details=true")).stdout, "<Leg1Status>completed</Leg1Status>")
          assert.include((yield* curl(".json")).stdout, "\"Account\":")
        }), 60_000)

      it.effect.runIf(needs("python3"))("answers Python's own HTTP client", () =>
        Effect.gen(function*() {
          const { baseUrl } = yield* Served
          const client = run("python3", ["-c", python, baseUrl])
          const answer = yield* eventually(client, ({ stdout }) => !stdout.includes("None"))
          assert.strictEqual(answer.stdout.trim(), "completed 2 completed 1 404", answer.stderr)
        }), 60_000)

      it.effect("logs neither numbers nor credentials, and ends cleanly on SIGINT", () =>
        Effect.gen(function*() {
          const fake = yield* Served
          const url = `${fake.baseUrl}/v1/Accounts/acme1m/Calls.json?From=09876543210`
          yield* Effect.promise(() => fetch(url, { headers: { authorization: `Basic ${btoa("the-key:the-token")}` } }))
          fake.signal("SIGINT")
          assert.strictEqual(yield* fake.exitCode, 0)
          assert.include(fake.output(), "GET /v1/Accounts/acme1m/Calls.json?From=<redacted> 200")
          for (const secret of ["the-key", "the-token", "9876543210"]) assert.notInclude(fake.output(), secret)
        }), 60_000)
    }
  )
})
