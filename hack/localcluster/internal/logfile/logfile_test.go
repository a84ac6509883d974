package logfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTail(t *testing.T) {
	many := strings.Repeat("line\n", 10*tailLines)
	huge := strings.Repeat("x", 2*maxRead)
	tests := []struct{ name, content, want string }{
		{"empty", "", ""},
		{"few lines", "a\nb\n", "a\nb"},
		{"no final newline", "a\nb", "a\nb"},
		{"many lines", many + "last\n", strings.Repeat("line\n", tailLines-1) + "last"},
		{"one huge line", huge, huge[:maxRead]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Tail(write(t, test.content))
			if err != nil || got != test.want {
				t.Errorf("Tail = %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestSince(t *testing.T) {
	path := write(t, "before\nafter\n")
	if got, err := Since(path, int64(len("before\n"))); err != nil || got != "after\n" {
		t.Errorf("Since = %q, %v, want what was added", got, err)
	}
}

func TestRotate(t *testing.T) {
	path := write(t, "small")
	if err := Rotate(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("a small log was moved: %v", err)
	}
	if err := os.Truncate(path, maxSize+1); err != nil {
		t.Fatal(err)
	}
	if err := Rotate(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + ".1"); err != nil {
		t.Errorf("a large log was not moved: %v", err)
	}
	if err := Rotate(path); err != nil {
		t.Errorf("Rotate of a log that does not exist: %v", err)
	}
}
