// Calls the SDK as it is told: {"calls": [[method, parameters], ...], "then": "flush"} a line.
// After each line it tells what has become of all messages so far.

import { createInterface } from "node:readline";
import { Analytics } from "@segment/analytics-node";

const analytics = new Analytics(JSON.parse(process.argv[2]));
const delivered = [];
const failed = [];
const errors = [];

analytics.on("error", ({ code, reason }) => errors.push(`${code}: ${reason?.message}`));

function call([method, parameters]) {
  const { timestamp, ...given } = parameters;
  const message = timestamp ? { ...given, timestamp: new Date(timestamp) } : given;
  analytics[method](message, (failure, context) =>
    (failure ? failed : delivered).push(context.event.messageId),
  );
}

const lines = createInterface({ input: process.stdin });

lines.on("line", async (line) => {
  const { calls = [], then } = JSON.parse(line);
  calls.forEach(call);
  if (then) await analytics[then]();
  console.log(JSON.stringify({ delivered, failed, errors }));
});
lines.on("close", () => process.exit());
