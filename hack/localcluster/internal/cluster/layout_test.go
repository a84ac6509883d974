package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestForeignFolderIsLeftAlone(t *testing.T) {
	layout, err := NewLayout(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(layout.Dir, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := layout.Claim(); err == nil {
		t.Error("Claim took a folder that holds something else")
	}
	if err := layout.Delete(); err == nil {
		t.Error("Delete deleted a folder without marker")
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestDelete(t *testing.T) {
	layout := testLayout(t)
	if err := layout.Claim(); err != nil {
		t.Errorf("Claim of a claimed folder: %v", err)
	}
	for range 2 { // the second finds nothing
		if err := layout.Delete(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(layout.Dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder is still there: %v", err)
		}
	}
}

func TestLock(t *testing.T) {
	layout := testLayout(t)
	unlock, err := layout.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := layout.Lock(); !errors.Is(err, ErrRunning) {
		t.Errorf("second Lock = %v, want ErrRunning", err)
	}
	if running, err := layout.Running(); err != nil || !running {
		t.Errorf("Running = %t, %v while locked", running, err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if running, err := layout.Running(); err != nil || running {
		t.Errorf("Running = %t, %v after unlock", running, err)
	}
}
