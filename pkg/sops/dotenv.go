package sops

import (
	"bytes"
	"context"
	"strings"
)

// dotenvPrefix begins the lines of metadata.
const dotenvPrefix = metadataKey + "_"

// decryptDotenv decrypts lines of NAME=VALUE.
func decryptDotenv(ctx context.Context, data []byte, keys *Keys) ([]byte, bool, error) {
	written := flat{}
	var lines [][2]string
	for line := range strings.SplitSeq(string(data), "\n") {
		if line == "" {
			continue
		}
		if rest, is := strings.CutPrefix(line, "#"); is {
			lines = append(lines, [2]string{"", rest})
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if !found {
			return nil, false, malformed("a line is neither NAME=VALUE nor a comment")
		}
		value = strings.ReplaceAll(value, `\n`, "\n")
		if key, is := strings.CutPrefix(name, dotenvPrefix); is {
			written[key] = value
		} else {
			lines = append(lines, [2]string{name, value})
		}
	}
	o, meta, err := open(ctx, written, keys)
	if err != nil {
		return nil, false, err
	}
	var plain bytes.Buffer
	for _, line := range lines {
		name, text := line[0], line[1]
		if name == "" {
			plain.WriteString(o.comment("#"+text, nil) + "\n")
			continue
		}
		value, _, err := o.take(text, []string{name})
		if err != nil {
			return nil, false, fault(Damaged, encryptAgain, "the value at %s cannot be decrypted: %v", place([]string{name}), err)
		}
		if text, err = textOf(value); err != nil {
			return nil, false, malformed("the value at %s: %v", place([]string{name}), err)
		}
		plain.WriteString(name + "=" + strings.ReplaceAll(text, "\n", `\n`) + "\n")
	}
	if err := o.check(meta); err != nil {
		return nil, false, err
	}
	return plain.Bytes(), true, nil
}
