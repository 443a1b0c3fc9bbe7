/** The parts of the help that the command line's own description does not generate. */

export const scriptFile = `A script file is JSON:
  {
    "accounts": [{ "accountSid": "acme1m", "apiKey": "key", "apiToken": "token", "region": "mumbai" }],
    "calls": [
      { "sid": "abc", "from": "09876543210", "script": { "kind": "answered", "ring": "8 seconds", "talk": "40 seconds" } },
      { "at": "1 minute", "script": { "kind": "busy" }, "repeat": { "every": "10 seconds", "times": 20 } },
      { "script": {
          "kind": "custom",
          "phases": [
            { "status": "in-progress", "leg1Status": "ringing", "duration": "5 seconds" },
            { "status": "in-progress", "leg1Status": "in-progress", "duration": "1 minute", "parties": 2 }
          ],
          "ending": { "status": "completed", "leg1Status": "completed", "leg2Status": "completed" },
          "price": "0.750", "recording": true, "settles": "30 seconds"
      } }
    ],
    "connect": {
      "byNumber": [{ "number": "09876543210", "outcomes": [{ "kind": "busy" }, { "kind": "answered" }] }],
      "inOrder": [{ "kind": "doNotDisturb" }, { "kind": "noAnswer" }],
      "default": { "kind": "answered", "talk": "20 seconds" }
    },
    "faults": [{ "kind": "status", "status": 503, "operation": "read", "onRequest": [2, 3] }]
  }
calls    sid, at (time from the start of the command), repeat, from, to, exoPhone, accountSid, statusCallback, script
scripts  answered, inbound: ring, connect, talk, legs (1 or 2), recording
         busy, noAnswer, failed, canceled: ring, leg (1 or 2)
         custom: phases, ending, recording
         all: settles (time to the complete record), price (null: never), direction, answeredBy; stages, queue (not custom)
connect  the outcomes of requests to place a call: a script, rejected (status, message, code, retryAfter), invalid (field),
         doNotDisturb; byNumber: the n-th request has the n-th outcome, later ones the last; without any, a call is answered
         concurrentCalls (limit, atLimit: queue, busy or a rejection), readableAfter, callbackCopies, callbackDelay,
         flowCallbacks (plain, extended)
faults   status (status, retryAfter, body), refused, reset (at), stalled (at, duration), slowBody (bytes, every),
         truncated (keep), hugeBody (bytes), body (body), garbage, html, contentType, malformed (field, value)
         conditions: forCall, operation (read, list, account, connect), placesCall, onRequest (numbers),
         between (two times), probability, times
also     timeZone, requestsPerMinute, retryAfter, bulkLag, wrongRegion, unknownCall, wireFormat, statusCallback`

export const served = `Served below http://<host>:<port>:
  GET /v1/Accounts/<account>/Calls/<sid>.json?details=true   one call; XML without .json
  GET /v1/Accounts/<account>/Calls.json?Sid=<sid>,<sid>       the bulk read: ended calls only
  GET /v1/Accounts/<account>.json                            the account
  POST /v1/Accounts/<account>/Calls/connect.json             places a call: From, CallerId, and To or Url, as a form`

export const speed =
  `--speed accelerates the clock of the fake only. The client's own clock is not accelerated: its poll
intervals and timeouts take real time. Poll as often as the accelerated call needs, run an Effect program on ScaledClock
of @effect-exotel/testing with the same factor, or let calls begin later with "at".`
