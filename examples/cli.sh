#!/usr/bin/env bash
# Start deliveries from the command line, and read their outputs.
# It needs `temporal` on the PATH, which reads TEMPORAL_ADDRESS itself (default: localhost:7233).
set -euo pipefail

# Print a value of a JSON document, like jq.
pick() { python3 -c "import json, sys; it = json.load(sys.stdin); print($1)"; }

# Start and wait. The result is the output of the delivery.
temporal workflow execute --type Track --task-queue analytics \
  --input '{"integration": "segment", "track": {"user_id": "u-1", "event": "Signed Up"}}'

# Start without waiting. A second start with the same id joins the first delivery.
message_id="order-$(date +%s)-$$"
temporal workflow start --type Track --task-queue analytics \
  --workflow-id "segment:track:$message_id" \
  --id-conflict-policy UseExisting --id-reuse-policy AllowDuplicateFailedOnly \
  --input '{"integration": "segment",
            "track": {"user_id": "u-1", "event": "Order Completed",
                      "properties": {"revenue": 19.99, "currency": "USD"},
                      "message_id": "'"$message_id"'"}}'

# Later: wait for its output.
temporal workflow result --workflow-id "segment:track:$message_id" --output json |
  pick '"delivered, answered", it["result"]["response"]["status_code"]'

# For a failed delivery, the exit status is not 0, and the output contains the reason.
if failure=$(temporal workflow execute --type Track --task-queue analytics --output json \
  --input '{"integration": "segment", "track": {"user_id": "u-1"}}'); then
  exit 1
fi
failed='it["closeEvent"]["workflowExecutionFailedEventAttributes"]["failure"]'
pick "'not delivered:', $failed['applicationFailureInfo']['details'][0]['error']" <<<"$failure"
