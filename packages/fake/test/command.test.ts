/** `exotel-fake` as a process: its messages, its exit, and foreign clients. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { command, eventually, needs, run, serve, workspace } from "./support/command.ts"

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
    }), 30_000)

  it.live("reports every mistake in a script file with its path and without its value", () =>
    Effect.gen(function*() {
      const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "exotel-fake-"))
      const file = Path.join(folder, "script.json")
      Fs.writeFileSync(
        file,
        JSON.stringify({ calls: [{ from: 9876543210, script: { kind: "answered", ring: "soon", tlak: "1 s" } }] })
      )
      const { code, stderr } = yield* run(process.execPath, [...command, file])
      Fs.rmSync(folder, { recursive: true })
      assert.strictEqual(code, 1)
      assert.include(stderr, "calls[0].script.ring: a duration is written like \"8 seconds\"")
      assert.include(stderr, "calls[0].script.tlak")
      assert.include(stderr, "calls[0].from")
      assert.notInclude(stderr, "9876543210")
    }), 30_000)

  for (
    const [what, file, problems] of [
      ["a sid with a dash", { calls: [{ sid: "a-b", script: { kind: "busy" } }] }, ["calls[0].sid: must be letters"]],
      [
        "a sid that is given twice",
        { calls: [{ sid: "x", script: { kind: "busy" } }, { sid: "x", script: { kind: "busy" } }] },
        ["calls[1].sid: is the sid of calls[0] already"]
      ],
      [
        "a repeated call with a sid",
        { calls: [{ sid: "x", repeat: { every: "1 second", times: 2 }, script: { kind: "busy" } }] },
        ["calls[0].sid: cannot be given to a call that is repeated"]
      ],
      [
        "an unknown account",
        { calls: [{ accountSid: "other", script: { kind: "busy" } }] },
        ["calls[0].accountSid: is not one of the accounts: acme1m"]
      ],
      [
        "a fault of an unknown call",
        { faults: [{ kind: "html", forCall: "nosuchcall" }] },
        ["faults[0].forCall: is not the sid of a call in this file"]
      ],
      ["a time zone that does not exist", { timeZone: "Nowhere" }, ["timeZone"]],
      ["a callback that is not a URL", { statusCallback: { url: "status" } }, [
        "statusCallback.url: must be an absolute URL"
      ]]
    ] as const
  ) {
    it.live(`reports ${what} in a script file`, () =>
      Effect.gen(function*() {
        const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "exotel-fake-"))
        const path = Path.join(folder, "script.json")
        Fs.writeFileSync(path, JSON.stringify(file))
        const { code, stderr } = yield* run(process.execPath, [...command, "--port", "0", path])
        Fs.rmSync(folder, { recursive: true })
        assert.strictEqual(code, 1)
        for (const problem of problems) assert.include(stderr, problem)
      }), 30_000)
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

  it.scopedLive(
    "ends cleanly on SIGINT, and its log shows neither numbers nor credentials",
    () =>
      Effect.gen(function*() {
        const fake = yield* serve(script)
        const url = `${fake.baseUrl}/v1/Accounts/acme1m/Calls.json?From=09876543210`
        yield* Effect.promise(() => fetch(url, { headers: { authorization: `Basic ${btoa("the-key:the-token")}` } }))
        fake.signal("SIGINT")
        assert.strictEqual(yield* fake.exitCode, 0)
        assert.include(fake.output(), "GET /v1/Accounts/acme1m/Calls.json?From=<redacted> 200")
        for (const secret of ["the-key", "the-token", "9876543210"]) assert.notInclude(fake.output(), secret)
      }),
    30_000
  )

  it.scopedLive.runIf(needs("curl"))(
    "serves curl without change, at the speed that was asked for",
    () =>
      Effect.gen(function*() {
        // Three seconds of a call are over before curl has started.
        const { baseUrl } = yield* serve(script, "--speed", "1000")
        const curl = (path: string) =>
          run("curl", ["-s", "-u", "the-key:the-token", `${baseUrl}/v1/Accounts/acme1m${path}`])
        const body = Effect.map(curl("/Calls/abc.json"), ({ stdout }) => stdout)
        const status = yield* eventually(body, (text) => text.includes("\"Duration\":2"))
        assert.include(status, "\"Status\":\"completed\"")
        assert.include((yield* curl("/Calls/abc?details=true")).stdout, "<Leg1Status>completed</Leg1Status>")
        assert.include((yield* curl(".json")).stdout, "\"Account\":")
      }),
    30_000
  )

  it.scopedLive.runIf(needs("python3"))("serves Python's own HTTP client without change", () =>
    Effect.gen(function*() {
      const { baseUrl } = yield* serve(script, "--speed", "1000")
      const client = run("python3", ["-c", python, baseUrl])
      const answer = yield* eventually(client, ({ stdout }) => !stdout.includes("None"))
      assert.strictEqual(answer.stdout.trim(), "completed 2 completed 1 404", answer.stderr)
    }), 60_000)
})
