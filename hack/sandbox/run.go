package main

import (
	"context"
	"fmt"
	"os"

	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// run is everything in the foreground, with a sample to play with.
func run(ctx context.Context, f folder) (err error) {
	out := os.Stdout
	if err := findGit(); err != nil {
		return err
	}
	var server *githttp.Server
	defer func() {
		if server != nil {
			if closeErr := server.Close(); err == nil {
				err = closeErr
			}
		}
	}()
	err = serve(ctx, f, false, out, func(ctx context.Context, nopea *sandbox.Sandbox) error {
		started, err := serveSample(f)
		if err != nil {
			return err
		}
		server = started
		fmt.Fprintf(out, "Serving the sample repository at %s\n", server.URL(sampleName))
		if err := syncSample(ctx, nopea, server.URL(sampleName), out); err != nil {
			return err
		}
		return guide(out, f)
	})
	if err == nil {
		fmt.Fprintf(out, "Stopped. `make run` goes on where this ended; to start afresh, delete %s first.\n", string(f))
	}
	return err
}
