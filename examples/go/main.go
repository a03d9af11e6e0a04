// Start a delivery from Go, and read its output. Temporal is where TEMPORAL_ADDRESS says.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

func main() {
	// An empty HostPort is localhost:7233.
	c, err := client.Dial(client.Options{HostPort: os.Getenv("TEMPORAL_ADDRESS")})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	run, err := c.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{
		ID:                       "segment:track:order-1234",
		TaskQueue:                "analytics",
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
	}, "Track", map[string]any{
		"integration": "segment",
		"track": map[string]any{
			"message_id": "order-1234",
			"user_id":    "u-1",
			"event":      "Order Completed",
			"properties": map[string]any{"revenue": 19.99, "currency": "USD"},
		},
	})
	if err != nil {
		log.Fatal(err) // Temporal may not have stored it: start it again with the same id.
	}

	var output map[string]any
	err = run.Get(context.Background(), &output)

	var failure *temporal.ApplicationError
	switch {
	case errors.As(err, &failure):
		var failed map[string]any
		if err := failure.Details(&failed); err != nil {
			log.Fatal(err)
		}
		fmt.Println("not delivered:", failure.Type(), failed["error"])
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println("delivered:", output["response"])
	}
}
