package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine is what the numbers hold for.
type machine struct {
	Date        string `json:"date"`
	Cores       int    `json:"cores"`
	MemoryBytes int64  `json:"memoryBytes"`
	Kernel      string `json:"kernel"`
	Go          string `json:"go"`
}

func describeMachine() (machine, error) {
	m := machine{Date: time.Now().UTC().Format(time.DateOnly), Cores: runtime.NumCPU(), Go: runtime.Version()}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return m, fmt.Errorf("ask for the kernel's version (this program runs on Linux only): %w", err)
	}
	m.Kernel = strings.TrimSpace(string(kernel))
	m.MemoryBytes, err = kilobytes("/proc/meminfo", "MemTotal")
	return m, err
}

func (m machine) String() string {
	return fmt.Sprintf("%s: %d cores, %.0f GB of memory, Linux %s, %s", m.Date, m.Cores, float64(m.MemoryBytes)/1e9, m.Kernel, m.Go)
}
