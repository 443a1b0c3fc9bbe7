/** Records the spans of a program. */
import { Effect, Tracer } from "effect"

/** The result of a program, and the spans that it began, in their order. */
export const recordSpans = <A, E, R>(
  program: Effect.Effect<A, E, R>
): Effect.Effect<readonly [A, ReadonlyArray<Tracer.Span>], E, R> =>
  Effect.flatMap(Effect.tracer, (native) => {
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (...args) => {
        const span = native.span(...args)
        spans.push(span)
        return span
      },
      context: (run) => run()
    })
    return Effect.map(Effect.withTracer(program, tracer), (result) => [result, spans] as const)
  })
