#!/usr/bin/env bash
# Start deliveries from the command line, and read what came of them.
# It needs `temporal` on the PATH, which reads TEMPORAL_ADDRESS itself (default: localhost:7233).
set -euo pipefail

# Picks a value out of JSON, as jq would.
pick() { python3 -c "import json, sys; it = json.load(sys.stdin); print($1)"; }

# Start and wait. The result is the output of the delivery.
temporal workflow execute --type Track --task-queue analytics \
  --input '{"integration": "segment", "track": {"user_id": "u-1", "event": "Signed Up"}}'

# Start, and go on: Temporal keeps it. Starting it again with the same id joins what runs.
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

# One that fails ends with a status that is not 0, and says why.
if failure=$(temporal workflow execute --type Track --task-queue analytics --output json \
  --input '{"integration": "segment", "track": {"user_id": "u-1"}}'); then
  exit 1
fi
failed='it["closeEvent"]["workflowExecutionFailedEventAttributes"]["failure"]'
pick "'not delivered:', $failed['applicationFailureInfo']['details'][0]['error']" <<<"$failure"
