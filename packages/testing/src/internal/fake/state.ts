/** The state of one fake Exotel: accounts, calls, faults, and requests. Time comes in as a number. */
import type { CallSid } from "@effect-exotel/core/CallSid"
import type { Region } from "@effect-exotel/core/Region"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import { PCGRandom } from "effect/Utils"
import type { JournalEntry, Outcome } from "../../Journal.ts"
import type { WireFormat } from "../../WireFormat.ts"
import type { ConnectState } from "./connect/connect.ts"
import { FaultEngine } from "./faults.ts"
import { SlidingMinute } from "./rateLimit.ts"
import type { PlacedCall } from "./records.ts"

export interface Settings {
  readonly seed: number
  readonly timeZone: DateTime.TimeZone
  readonly wireFormat: WireFormat
  readonly requestsPerMinute: number
  readonly retryAfter: "absent" | "seconds" | "date"
  readonly bulkLagMillis: number
  readonly bulkDetails: boolean
  readonly statusFilter: "list" | "single"
  readonly wrongRegion: 401 | 404
  readonly unknownCall: 400 | 404
  readonly strict: boolean
  readonly journalLimit: number
}

export interface AccountState {
  readonly accountSid: string
  readonly region: Region
  /** The header that its credentials make. */
  readonly authorization: string
  readonly limiter: SlidingMinute
}

/** A journal entry in the making. */
export interface Row {
  readonly index: number
  readonly at: number
  readonly operation: JournalEntry["operation"]
  readonly method: string
  readonly path: string
  sid: string | undefined
  fault: string | undefined
  outcome: Outcome
}

const SID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"

/** The fakes of this process whose layers are open. Only read to explain why a call is not found. */
export const openFakes = new Set<FakeState>()

export class FakeState {
  readonly settings: Settings
  readonly accounts: ReadonlyMap<string, AccountState>
  /** In the order in which they were placed. */
  readonly calls = new Map<string, PlacedCall>()
  readonly faults: FaultEngine
  readonly connect: ConnectState
  readonly began: number
  /** Requests that a test did not count on, in words. */
  readonly unexpected: Array<string> = []
  private readonly random: PCGRandom
  private rows: Array<Row> = []
  private dropped = 0

  constructor(
    settings: Settings,
    accounts: ReadonlyArray<Omit<AccountState, "limiter">>,
    connect: ConnectState,
    now: number
  ) {
    this.settings = settings
    this.connect = connect
    this.accounts = new Map(accounts.map((account) => [
      account.accountSid,
      { ...account, limiter: new SlidingMinute(settings.requestsPerMinute) }
    ]))
    this.faults = new FaultEngine(settings.seed)
    this.random = new PCGRandom(settings.seed)
    this.began = now
  }

  /** 32 of `[0-9a-z]`, as Exotel's are. */
  nextSid(): CallSid {
    let sid = ""
    for (let i = 0; i < 32; i++) sid += SID_ALPHABET[this.random.integer(SID_ALPHABET.length)]
    return sid as CallSid
  }

  record(row: Omit<Row, "index" | "fault" | "outcome">): Row {
    const { journalLimit } = this.settings
    if (this.rows.length >= 2 * journalLimit) {
      this.dropped += this.rows.length - journalLimit
      this.rows = this.rows.slice(-journalLimit)
    }
    const entry: Row = {
      ...row,
      index: this.dropped + this.rows.length + 1,
      fault: undefined,
      outcome: { _tag: "Pending" }
    }
    this.rows.push(entry)
    return entry
  }

  /** The problems that fail a test: unexpected requests, faults that did not fire, outcomes that were not used. */
  problems(): ReadonlyArray<string> {
    const readSids = new Set<string>()
    for (const { sid } of this.rows) if (sid !== undefined) readSids.add(sid)
    const unused = this.settings.strict ? this.connect.outcomes?.unused() ?? [] : []
    return [...this.unexpected, ...this.faults.unfired([...readSids]), ...unused]
  }

  toEntry(row: Row): JournalEntry {
    return {
      ...row,
      at: DateTime.unsafeMake(row.at),
      elapsed: Duration.millis(row.at - this.began)
    }
  }

  /** The kept entries after the one with this index. */
  journal(after = 0): ReadonlyArray<JournalEntry> {
    const begin = Math.max(0, after - this.dropped, this.rows.length - this.settings.journalLimit)
    return this.rows.slice(begin).map((row) => this.toEntry(row))
  }
}
