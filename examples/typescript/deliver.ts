// Start a delivery from TypeScript, and read its output or its failure.
// Node runs it as it is: npm ci && node deliver.ts

import { randomUUID } from "node:crypto";

import {
  ApplicationFailure,
  Client,
  Connection,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type WorkflowHandle,
} from "@temporalio/client";

interface Output {
  status: "success" | "failure";
  integration: string | null;
  track: { message_id?: string; timestamp?: string };
  response: { status_code: number; body: unknown } | null;
  error?: { type: string; message: string; fields: { path: string; message: string }[] };
}

const address = process.env.TEMPORAL_ADDRESS ?? "localhost:7233";
const connection = await Connection.connect({ address });
const { workflow } = new Client({ connection });

/** Returns once Temporal keeps the message. A repeated id joins the first delivery. */
async function track(messageId: string, message: object): Promise<WorkflowHandle> {
  const workflowId = `segment:track:${messageId}`;
  try {
    return await workflow.start("Track", {
      taskQueue: "analytics",
      workflowId,
      workflowIdConflictPolicy: "USE_EXISTING",
      workflowIdReusePolicy: "ALLOW_DUPLICATE_FAILED_ONLY",
      args: [{ integration: "segment", track: { message_id: messageId, ...message } }],
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) {
      return workflow.getHandle(workflowId); // It was delivered before.
    }
    throw error;
  }
}

const messageId = randomUUID();
const order = {
  user_id: "u-1",
  event: "Order Completed",
  properties: { revenue: 19.99, currency: "USD" },
};
const handle = await track(messageId, order);
console.log("kept by Temporal as", handle.workflowId);

const output: Output = await handle.result();
console.log("delivered, answered", output.response?.status_code);

const again: Output = await (await track(messageId, order)).result();
console.log("not delivered twice:", again.track.timestamp === output.track.timestamp);

const wrong = await track(randomUUID(), { user_id: "u-1" });
try {
  await wrong.result();
} catch (error) {
  if (!(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure)) {
    throw error;
  }
  const failed = error.cause.details?.[0] as Output;
  console.log("not delivered:", error.cause.type, JSON.stringify(failed.error?.fields));
}

await connection.close();
