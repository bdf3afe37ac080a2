// The public document's steps and its polling loop, on fetch. Prints one JSON line for each thing that happens;
// a line on standard input is said in the chat, or ends a wait.
const [url, org, key, workType] = process.argv.slice(2);
const base = `${url}/via/v2/organizations/${org}`;
const headers = { Accept: "application/json", "x-api-key": key };
const show = (thing) => console.log(JSON.stringify(thing));

let goOn = null;
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  if (line) post("messaging/sendText", { text: line });
  if (goOn) goOn();
  goOn = null;
});

function post(operation, body) {
  const options = { method: "POST", headers: { ...headers, "Content-Type": "application/json" } };
  if (body) options.body = JSON.stringify(body);
  return fetch(`${base}/${operation}`, options);
}

async function longPoll() {
  for (;;) {
    const answer = await fetch(`${base}/streaming/events/webClient?maxEvents=1`, { headers });
    const result = await answer.json();
    if (answer.ok) {
      for (const event of result.events) show(JSON.parse(event.payload));
    } else if (result.code === 429 || result.code === 500) {
      const told = new Promise((resolve) => (goOn = resolve));
      show({ wait: result.code });
      await told;
    } else {
      show({ end: answer.status, message: result.message });
      process.exit();
    }
  }
}

async function main() {
  const token = await (await post("webToken")).json();
  headers.Authorization = `Bearer ${token.tokenId}`;
  const session = await (await post("streaming/session/webClient")).json();
  headers["via-client-sessionid"] = session.sessionId;
  await post("messaging/connect", { workTypeId: workType, contactName: "Ryan Tucker" });
  longPoll();
}

main();
