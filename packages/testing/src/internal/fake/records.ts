/** The record of a call at one instant, before it is encoded. Pure: computed from a script and a time. */
import type { CallSid } from "@effect-exotel/core/CallSid"
import * as Duration from "effect/Duration"
import type { CallScript } from "../../CallScript.ts"
import * as Script from "../../CallScript.ts"

/**
 * A call in the fake. Everything but the script is fixed when it is placed; `FakeExotel.update` changes the script.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlacedCall {
  readonly sid: CallSid
  readonly accountSid: string
  /** The clock's milliseconds at which it began. */
  readonly start: number
  /** Until then Exotel does not know the call: one that was just created may not be readable yet. */
  readonly readableAt: number
  readonly numbers: Numbers
  script: CallScript
}

/**
 * The numbers of a call.
 *
 * @since 0.1.0
 * @category models
 */
export interface Numbers {
  readonly from: string
  readonly to: string
  readonly exoPhone: string
  readonly callerName?: string | undefined
  readonly parentCallSid?: string | undefined
  readonly forwardedFrom?: string | undefined
}

export interface LegRecord {
  readonly id: number
  readonly onCallDuration: number | undefined
}

export interface DetailsRecord {
  readonly conversationDuration: number | undefined
  readonly leg1Status: string | undefined
  readonly leg2Status: string | undefined
  readonly legs: ReadonlyArray<LegRecord>
}

/** Times in milliseconds, durations in whole seconds, undefined for what is empty. */
export interface CallRecord extends Omit<Numbers, "exoPhone"> {
  readonly sid: string
  readonly accountSid: string
  readonly phoneNumberSid: string | undefined
  readonly status: string
  readonly direction: string | undefined
  readonly dateCreated: number | undefined
  readonly dateUpdated: number | undefined
  readonly startTime: number | undefined
  readonly endTime: number | undefined
  readonly duration: number | undefined
  readonly price: string | undefined
  readonly answeredBy: string | undefined
  readonly uri: string | undefined
  readonly recordingUrl: string | undefined
  readonly preSignedRecordingUrl: string | undefined
  readonly details: DetailsRecord | undefined
}

const Y2000 = Date.UTC(2000, 0, 1)
const Y2026 = Date.UTC(2026, 0, 1)

/**
 * The date that the fake writes for an instant of the clock. A `TestClock` begins in 1970, which on Exotel's wire means
 * "no time"; until the year 2000 the calendar is moved so that it begins with 2026.
 */
export const calendar = (millis: number): number => millis < Y2000 ? millis + Y2026 : millis

const seconds = (duration: Duration.Duration): number => Math.round(Duration.toSeconds(duration))

const detailsOf = (script: CallScript, state: Script.State): DetailsRecord => {
  // The second leg exists once the call was connected to it.
  const twoLegs = state.leg2Status !== undefined || script.phases.some((phase) => phase.parties === 2)
  const onLine = (parties: 1 | 2) => state.settled ? seconds(Script.connectedTime(script, parties)) : undefined
  return {
    conversationDuration: onLine(2),
    leg1Status: state.leg1Status,
    leg2Status: state.leg2Status,
    legs: [{ id: 1, onCallDuration: onLine(1) }, ...(twoLegs ? [{ id: 2, onCallDuration: onLine(2) }] : [])]
  }
}

export const stateOf = (call: PlacedCall, now: number): Script.State => Script.stateAt(call.script, now - call.start)

/** The record that a read returns. `preSigned` asks for a link to the recording that needs no credentials. */
export const recordOf = (
  call: PlacedCall,
  now: number,
  options: { readonly details: boolean; readonly preSigned: boolean }
): CallRecord => {
  const { accountSid, numbers, script, sid, start } = call
  const state = stateOf(call, now)
  const began = calendar(start)
  const recorded = state.settled && script.recording
  return {
    sid,
    accountSid,
    from: numbers.from,
    to: numbers.to,
    phoneNumberSid: numbers.exoPhone,
    callerName: numbers.callerName,
    parentCallSid: numbers.parentCallSid,
    forwardedFrom: numbers.forwardedFrom,
    status: state.status,
    direction: script.direction,
    dateCreated: began,
    dateUpdated: began + state.since,
    startTime: began,
    endTime: state.settled ? began + state.endsAt : undefined,
    duration: state.settled ? seconds(Script.duration(script)) : undefined,
    price: state.settled ? script.price : undefined,
    answeredBy: script.answeredBy,
    uri: `/v1/Accounts/${accountSid}/Calls/${sid}`,
    recordingUrl: recorded ? `https://recordings.exotel.com/exotelrecordings/${accountSid}/${sid}.mp3` : undefined,
    preSignedRecordingUrl: recorded && options.preSigned
      ? `https://recordings.exotel.com/exotelrecordings/${accountSid}/${sid}.mp3?Signature=fake`
      : undefined,
    details: options.details ? detailsOf(script, state) : undefined
  }
}
