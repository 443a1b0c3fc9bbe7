/** The server of the page: its files, the updates, and the commands. It listens on loopback only. */
import * as CallScript from "@effect-exotel/testing/CallScript"
import type { ConnectPlan, Request } from "@effect-exotel/testing/ConnectPlan"
import * as FakeExotel from "@effect-exotel/testing/FakeExotel"
import * as FaultPlan from "@effect-exotel/testing/FaultPlan"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ParseResult from "effect/ParseResult"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import * as Actions from "./actions.ts"
import { guard } from "./guard.ts"
import { type Controls, events, makeReader } from "./updates.ts"

const file = (name: string) =>
  Effect.orDie(HttpServerResponse.file(fileURLToPath(new URL(`../../page/${name}`, import.meta.url))))

const pages = HttpRouter.empty.pipe(
  HttpRouter.get("/", file("index.html")),
  HttpRouter.get("/style.css", file("style.css")),
  HttpRouter.get("/app.js", file("app.js")),
  HttpRouter.get("/timeline.js", file("timeline.js"))
)

/** The plans for the calls that an application places, by the name of the behaviour. */
const behaviors = {
  manual: Actions.ringUntilAnswered,
  answered: (request: Request) => CallScript.answered({ legs: request.to === undefined ? 1 : 2 }),
  busy: CallScript.busy(),
  noAnswer: CallScript.noAnswer(),
  failed: CallScript.failed()
} satisfies Record<string, ConnectPlan>

const Connect = Schema.Struct({ behavior: Actions.oneOf(Struct.keys(behaviors)) })
const Inbound = Schema.Struct({ from: Schema.NonEmptyTrimmedString, exoPhone: Schema.NonEmptyTrimmedString })
const Clock = Schema.Struct({
  speed: Schema.Number.pipe(Schema.between(0, 1000)).annotations(Actions.rule("must be a number from 0 to 1000"))
})

const refuse = (status: number, error: string) => HttpServerResponse.unsafeJson({ error }, { status })

const done = HttpServerResponse.empty({ status: 204 })

const body = <A, I>(schema: Schema.Schema<A, I>) =>
  HttpServerRequest.schemaBodyJson(schema, { onExcessProperty: "error" })

/** The description of the first problem of a body. */
const problem = (error: ParseResult.ParseError): string => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  return issue === undefined ? "the body is not valid" : `${issue.path.join(".") || "the body"}: ${issue.message}`
}

const act = (controls: Controls, sid: string, command: Actions.Command) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const call = (yield* fake.calls).find((other) => other.sid === sid)
    if (call === undefined) return refuse(404, "there is no such call")
    let isPossible = false
    yield* controls.onFakeClock(fake.update(call.sid, (script, elapsed) => {
      const next = Actions.apply(script, Duration.toMillis(elapsed), command)
      isPossible = next !== undefined
      return next ?? script
    }))
    return isPossible ? done : refuse(409, "the call does not allow this action now")
  })

const commands = (controls: Controls) =>
  HttpRouter.empty.pipe(
    HttpRouter.post(
      "/api/calls",
      Effect.gen(function*() {
        const { exoPhone, from } = yield* body(Inbound)
        const fake = yield* FakeExotel.FakeExotel
        const script = Actions.ringing({ legs: 2, direction: "inbound" })
        const sid = yield* controls.onFakeClock(fake.place(script, { from, to: exoPhone, exoPhone }))
        return HttpServerResponse.unsafeJson({ sid }, { status: 201 })
      })
    ),
    HttpRouter.post(
      "/api/calls/:sid/actions",
      Effect.gen(function*() {
        const { sid = "" } = yield* HttpRouter.params
        return yield* act(controls, sid, yield* body(Actions.Command))
      })
    ),
    HttpRouter.put(
      "/api/connect",
      Effect.gen(function*() {
        const { behavior } = yield* body(Connect)
        const fake = yield* FakeExotel.FakeExotel
        yield* fake.onConnect(behaviors[behavior])
        yield* Ref.set(controls.behavior, behavior)
        return done
      })
    ),
    HttpRouter.post(
      "/api/faults",
      Effect.gen(function*() {
        const fault = yield* body(FaultPlan.Fault)
        const fake = yield* FakeExotel.FakeExotel
        yield* controls.onFakeClock(fake.faults(FaultPlan.make([fault])))
        return done
      })
    ),
    HttpRouter.del("/api/faults", Effect.flatMap(FakeExotel.FakeExotel, (fake) => Effect.as(fake.clearFaults, done))),
    HttpRouter.put(
      "/api/clock",
      Effect.gen(function*() {
        const { speed } = yield* body(Clock)
        yield* controls.setSpeed(speed)
        return done
      })
    )
  )

const router = (controls: Controls) =>
  HttpRouter.concat(pages, commands(controls)).pipe(
    HttpRouter.get("/api/state", Effect.flatMap(Effect.flatten(makeReader(controls)), HttpServerResponse.json)),
    HttpRouter.get(
      "/api/events",
      Effect.map(Effect.context<FakeExotel.FakeExotel>(), (context) =>
        HttpServerResponse.stream(Stream.encodeText(Stream.provideContext(events(controls), context)), {
          contentType: "text/event-stream"
        }))
    ),
    HttpRouter.all("*", refuse(404, "there is no such page")),
    HttpRouter.catchTags({
      ParseError: (error) =>
        Effect.succeed(refuse(400, problem(error))),
      RequestError: () =>
        Effect.succeed(refuse(400, "the body must be JSON"))
    })
  )

/** Serves the page, and gives its address. Port 0 means any free port. */
export const serve = (controls: Controls, port: number) =>
  Effect.gen(function*() {
    const server = createServer()
    const context = yield* Layer.build(NodeHttpServer.layer(() => server, { host: "127.0.0.1", port }))
    // An open page holds its stream of updates, for which closing the server would wait.
    yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    const { address } = Context.get(context, HttpServer.HttpServer)
    const bound = address._tag === "TcpAddress" ? address.port : port
    yield* HttpServer.serveEffect(guard(bound)(router(controls))).pipe(Effect.provide(context))
    return `http://127.0.0.1:${bound}`
  })
