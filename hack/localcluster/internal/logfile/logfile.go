// Package logfile keeps the components' log files small and shows their end.
package logfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

const (
	// maxSize is the size in bytes above which a log is put aside at the next start.
	maxSize = 64 << 20

	tailLines = 20
	// maxRead is how many bytes of a log are read at most.
	maxRead = 16 << 10
)

// Rotate moves a log that has become large aside, in place of the one moved before.
func Rotate(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() <= maxSize {
		return nil
	}
	if err == nil {
		err = os.Rename(path, path+".1")
	}
	if err != nil {
		return fmt.Errorf("rotating the log: %w", err)
	}
	return nil
}

// Tail returns the last lines of a log.
func Tail(path string) (string, error) {
	data, err := Since(path, 0)
	return lastLines(data), err
}

// Since returns what has been added to a log after its first offset bytes, or the end of
// it if that is much.
func Since(path string, offset int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading the log: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("reading the log: %w", err)
	}
	start := max(offset, info.Size()-maxRead)
	data, err := io.ReadAll(io.NewSectionReader(file, start, maxRead))
	if err != nil {
		return "", fmt.Errorf("reading the log: %w", err)
	}
	return string(data), nil
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
