package main

import (
	"strings"
	"testing"
)

func TestRefusesBadFlags(t *testing.T) {
	cmd := newCommand()
	cmd.SetArgs([]string{"--data-dir=", "--shutdown-delay-duration=-1s"})
	err := cmd.Execute()
	for _, flag := range []string{"--data-dir must not be empty", "--shutdown-delay-duration must not be negative"} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("got %v, want it to say %q", err, flag)
		}
	}
}
