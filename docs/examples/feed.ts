// Follows the feed with nothing but Node 24: TALLY_TOKEN=… node feed.ts http://127.0.0.1:7878 jobs
const [, , url = "", topics = ""] = process.argv;
const authorization = `Bearer ${process.env["TALLY_TOKEN"]}`;
const address = new URL("/v1/feed", url.replace(/^http/, "ws"));
address.searchParams.set("topics", topics);

function connect(): void {
  const socket = new WebSocket(address, { headers: { authorization } } as never);
  const silence = setTimeout(giveUp, 40_000);

  // A dead line does not say so: what says nothing for 40 s, ticks included, is one.
  function giveUp(): void {
    clearTimeout(silence);
    socket.onmessage = socket.onclose = null;
    socket.close();
    setTimeout(connect, 500 + Math.random() * 500);
  }

  socket.onmessage = ({ data }) => {
    silence.refresh();
    const message = JSON.parse(data);
    for (const { kind, jobNumber, step, first, state } of message.events ?? [])
      console.log(kind, jobNumber, step, first, state);
    // Nothing is lost: the cursor says where to go on.
    if (["events", "tick"].includes(message.type)) address.searchParams.set("after", message.cursor);
  };
  socket.onclose = ({ code, reason }) => {
    if (code < 4400 || code >= 4429) return giveUp();
    console.error(reason);
    process.exit(1);
  };
}

connect();
