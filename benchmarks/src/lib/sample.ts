/** One answered call with its details, in both formats, in Exotel's layout. All values are invented. */

const sid = "b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f"

const fields = {
  Sid: sid,
  ParentCallSid: null,
  DateCreated: "2026-11-02 10:00:00",
  DateUpdated: "2026-11-02 10:05:10",
  AccountSid: "acme1m",
  To: "08012345678",
  From: "08087654321",
  PhoneNumberSid: "02248000000",
  Status: "completed",
  StartTime: "2026-11-02 10:00:01",
  EndTime: "2026-11-02 10:00:49",
  Duration: "48",
  Price: "1.500",
  Direction: "outbound-api",
  AnsweredBy: "human",
  ForwardedFrom: null,
  CallerName: null,
  Uri: `/v1/Accounts/acme1m/Calls/${sid}`,
  RecordingUrl: `https://recordings.example.invalid/exotelrecordings/acme1m/${sid}.mp3`
}

const details = { ConversationDuration: "40", Leg1Status: "completed", Leg2Status: "completed" }

const legs = [{ Id: "1", OnCallDuration: "47" }, { Id: "2", OnCallDuration: "40" }]

const element = (record: Readonly<Record<string, string | null>>, indent: string) =>
  Object.entries(record)
    .map(([name, value]) => `${indent}${value === null ? `<${name}/>` : `<${name}>${value}</${name}>`}\n`)
    .join("")

const call = { sid, account: "acme1m" } as const

const record = { ...fields, Details: { ...details, Legs: legs.map((Leg) => ({ Leg })) } }

const json = JSON.stringify({ Call: record })

const pageSids = Array.from({ length: 100 }, (_, i) => sid.slice(0, -3) + String(i).padStart(3, "0"))

/** The bulk read's response to a lookup of `pageSids`. */
const page = JSON.stringify({
  Metadata: { Total: 100, PageSize: 100, NextPageUri: null },
  Calls: pageSids.map((Sid) => ({ ...record, Sid }))
})

const xml = `<?xml version="1.0" encoding="UTF-8"?>
<TwilioResponse>
 <Call>
${element(fields, "  ")}  <Details>
${element(details, "   ")}   <Legs>
${legs.map((leg) => `    <Leg>\n${element(leg, "     ")}    </Leg>\n`).join("")}   </Legs>
  </Details>
 </Call>
</TwilioResponse>
`

export { call, json, page, pageSids, xml }
