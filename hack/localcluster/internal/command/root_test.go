package command

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nopea.io/nopea/hack/localcluster/internal/cluster"
)

func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := New(nil)
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestCommandsOfAClusterThatDoesNotRun(t *testing.T) {
	claimed := t.TempDir()
	layout, err := cluster.NewLayout(claimed)
	if err != nil {
		t.Fatal(err)
	}
	if err := layout.Claim(); err != nil {
		t.Fatal(err)
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	tests := []struct {
		name      string
		args      []string
		out, fail string // parts of what is written and of the error; an empty fail is success
	}{
		{"no folder", []string{"up"}, "", "pass --dir"},
		{"unknown flag", []string{"down", "--dir", missing, "--force"}, "", "unknown flag"},
		{"argument", []string{"down", "--dir", missing, "etcd"}, "", "unknown command"},
		{"down", []string{"down", "--dir", claimed}, "was not running", ""},
		{"down of nothing", []string{"down", "--dir", missing}, "was not running", ""},
		{"status", []string{"status", "--dir", claimed}, "", "not running"},
		{"run in a foreign folder", []string{"run", "--dir", foreign}, "", "choose another --dir"},
		{"up in a foreign folder", []string{"up", "--dir", foreign}, "", "choose another --dir"},
		{"wipe of a foreign folder", []string{"wipe", "--dir", foreign}, "", "not deleting it"},
		{"wipe of nothing", []string{"wipe", "--dir", missing}, "Deleted", ""},
		{"wipe", []string{"wipe", "--dir", claimed}, "Deleted " + claimed, ""},
		{"unknown component", []string{cluster.SelfCommand, "kubelet", "--dir=x"}, "", `no component "kubelet"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, err := execute(t, test.args...)
			if !strings.Contains(out, test.out) {
				t.Errorf("output %q lacks %q", out, test.out)
			}
			if (err != nil) != (test.fail != "") || err != nil && !strings.Contains(err.Error(), test.fail) {
				t.Errorf("error %v, want %q", err, test.fail)
			}
		})
	}
}

func TestUntilClosed(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ctx := untilClosed(t.Context(), reader)
	if _, err := writer.WriteString("ignored\n"); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Error("input ended the context")
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if got := context.Cause(ctx).Error(); got != "standard input has been closed" {
		t.Errorf("cause = %q", got)
	}
}
