/** Placing calls through `exotel-fake`, as other clients do. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { command, eventually, needs, run, serve } from "./support/command.ts"

const file = {
  accounts: [{ accountSid: "acme1m", apiKey: "the-key", apiToken: "the-token", region: "mumbai" }],
  connect: {
    byNumber: [{ number: "09876543210", outcomes: [{ kind: "busy" }, { kind: "noAnswer" }] }],
    inOrder: [{ kind: "doNotDisturb" }],
    default: { kind: "answered", talk: "5 seconds" }
  }
}

/** Places two calls, one urlencoded and one multipart, reads them until they have ended, and is refused a third. */
const python = `
import base64, json, sys, time, urllib.error, urllib.parse, urllib.request
base, auth = sys.argv[1] + "/v1/Accounts/acme1m/Calls/", "Basic " + base64.b64encode(b"the-key:the-token").decode()
def request(path, body=None, content_type="application/x-www-form-urlencoded"):
    headers = {"Authorization": auth, "Content-Type": content_type}
    return json.load(urllib.request.urlopen(urllib.request.Request(base + path, body, headers)))["Call"]
def ended(sid):
    while request(sid + ".json")["EndTime"] is None: time.sleep(0.05)
    return request(sid + ".json")["Status"]
fields = {"From": "+919876500000", "To": "09876543210", "CallerId": "08012345678"}
multipart = "".join(f'--b1\\r\\nContent-Disposition: form-data; name="{k}"\\r\\n\\r\\n{v}\\r\\n' for k, v in fields.items()) + "--b1--\\r\\n"
first = request("connect.json", urllib.parse.urlencode(fields).encode())
second = request("connect.json", multipart.encode(), "multipart/form-data; boundary=b1")
print(first["Status"], first["EndTime"], first["From"], ended(first["Sid"]), ended(second["Sid"]))
try:
    request("connect.json", urllib.parse.urlencode({**fields, "To": "09111111111"}).encode())
except urllib.error.HTTPError as error:
    print(error.code, json.load(error)["RestException"].get("Code"))
`

describe("exotel-fake", () => {
  it.scopedLive.runIf(needs("python3"))("places calls for Python's own HTTP client", () =>
    Effect.gen(function*() {
      const fake = yield* serve(file, "--speed", "100")
      const { stderr, stdout } = yield* run("python3", ["-c", python, fake.baseUrl])
      assert.strictEqual(stdout, "in-progress None +919876500000 busy no-answer\n403 None\n", stderr)
      assert.match(fake.output(), /POST \/v1\/Accounts\/acme1m\/Calls\/connect\.json 200 placed [0-9a-z]{32}\n/)
      for (const secret of ["9876", "the-token"]) assert.notInclude(fake.output(), secret)
    }), 60_000)

  it.scopedLive.runIf(needs("curl"))(
    "places calls for curl, urlencoded and multipart, in XML and JSON",
    () =>
      Effect.gen(function*() {
        const { baseUrl } = yield* serve({ ...file, connect: { default: { kind: "busy" } } }, "--speed", "100")
        const curl = (path: string, ...args: ReadonlyArray<string>) =>
          Effect.map(
            run("curl", ["-s", "-u", "the-key:the-token", ...args, `${baseUrl}/v1/Accounts/acme1m/Calls/${path}`]),
            ({ stdout }) => stdout
          )
        const fields = ["From=09876543210", "To=09123456789", "CallerId=08012345678"]
        const xml = yield* curl("connect", ...fields.flatMap((field) => ["-d", field]))
        const sid = /<Sid>([0-9a-z]{32})<\/Sid>/.exec(xml)?.[1]
        assert.include(xml, "<Status>in-progress</Status>")
        const json = yield* curl("connect.json", ...fields.flatMap((field) => ["-F", field]))
        assert.match(json, /^\{"Call":\{"Sid":"[0-9a-z]{32}".*"Status":"in-progress".*"EndTime":null/)
        yield* eventually(curl(`${sid}.json`), (text) => text.includes("\"Status\":\"busy\""))
        assert.include(yield* curl("connect", "-d", "From=09876543210"), "Missing or invalid parameter To")
      }),
    60_000
  )

  it.live("reports mistakes in the outcomes of a script file by path, without numbers", () =>
    Effect.gen(function*() {
      const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "exotel-fake-"))
      const path = Path.join(folder, "script.json")
      const check = (connect: unknown) =>
        Effect.suspend(() => {
          Fs.writeFileSync(path, JSON.stringify({ connect }))
          return run(process.execPath, [...command, "--port", "0", path])
        })
      const number = "09876543210"
      const malformed = yield* check({
        byNumber: [{ number, outcomes: [{ kind: "busy", ring: "soon" }] }, { number, outcomes: [] }],
        inOrder: [{ kind: "rejected", status: 200 }, { kind: "invalid" }, { kind: "placed" }],
        default: { kind: "answered", tlak: "1 second" },
        concurrentCalls: { limit: 0, atLimit: "wait" },
        callbackCopies: -1
      })
      const twice = yield* check({
        byNumber: [{ number, outcomes: [{ kind: "busy" }] }, { number, outcomes: [{ kind: "busy" }] }]
      })
      Fs.rmSync(folder, { recursive: true })
      for (
        const problem of [
          "connect.byNumber[0].outcomes[0].ring: a duration is written like \"8 seconds\"",
          "connect.byNumber[1].outcomes[0]",
          "connect.inOrder[0].status",
          "connect.inOrder[1].field",
          "connect.inOrder[2].kind",
          "connect.default.tlak",
          "connect.concurrentCalls.limit",
          "connect.concurrentCalls.atLimit",
          "connect.callbackCopies"
        ]
      ) assert.include(malformed.stderr, problem)
      assert.notInclude(malformed.stderr, number)
      assert.include(twice.stderr, "connect.byNumber[1].number: is the number of connect.byNumber[0] already")
      assert.strictEqual(malformed.code + twice.code, 2)
    }), 30_000)
})
