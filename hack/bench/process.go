package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of times in /proc, the same on all Linux systems that Go runs on.
const clockTick = 10 * time.Millisecond

// cpu is how much processor time a process has used, with that of its children that have ended.
func cpu(pid int) (time.Duration, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	var ticks int64
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the times of process %d: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// stat are the fields of /proc/PID/stat after the name: state, parent and so on.
func stat(pid int) ([]string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, fmt.Errorf("look at process %d: %w", pid, err)
	}
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 15 {
		return nil, fmt.Errorf("look at process %d: %q is not what Linux writes", pid, text)
	}
	return fields, nil
}

// memory is what a process holds in memory now, and what it held at most, in MiB.
func memory(pid int) (now, peak float64, err error) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	resident, err := kilobytes(path, "VmRSS")
	if err != nil {
		return 0, 0, err
	}
	highest, err := kilobytes(path, "VmHWM")
	return float64(resident) / (1 << 20), float64(highest) / (1 << 20), err
}

// kilobytes reads a size from a file in the manner of /proc/meminfo, and returns bytes.
func kilobytes(path, key string) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("look for %s: %w", key, err)
	}
	defer file.Close() // read only: nothing is lost
	for lines := bufio.NewScanner(file); lines.Scan(); {
		value, found := strings.CutPrefix(lines.Text(), key+":")
		if !found {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read %s from %s: %w", key, path, err)
		}
		return n << 10, nil
	}
	return 0, fmt.Errorf("no %s in %s", key, path)
}

// child finds a process that this one started, by the name of its executable, and returns its command line.
func child(name string) (pid int, args []string, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, nil, fmt.Errorf("look for the process of %s: %w", name, err)
	}
	parent := strconv.Itoa(os.Getpid())
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		fields, err := stat(pid)
		if errors.Is(err, fs.ErrNotExist) || err == nil && fields[1] != parent {
			continue
		}
		if err != nil {
			return 0, nil, err
		}
		line, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if err != nil {
			return 0, nil, fmt.Errorf("look for the process of %s: %w", name, err)
		}
		args := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
		if filepath.Base(args[0]) == name {
			return pid, args, nil
		}
	}
	return 0, nil, fmt.Errorf("no process of %s was started", name)
}

// argument is the value of --name=value in a command line.
func argument(args []string, name string) string {
	at := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, name+"=") })
	if at < 0 {
		return ""
	}
	return strings.TrimPrefix(args[at], name+"=")
}
